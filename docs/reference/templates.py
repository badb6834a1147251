"""The page of templates: each with its description, its settings, its source and its first example."""

from collections.abc import Iterator
from typing import Any

import msgspec

from docs.reference.markdown import table
from pipeline.templates.library import Template
from pipeline.templates.library import templates as all_templates


def templates() -> str:
    """Return a table of all templates, and each of them under its own heading."""
    rows = ([f"[{each.title}](#{_anchor(each)})", each.description] for each in all_templates().values())
    parts = [table("template | what it does", rows)]
    parts += ["\n".join(_lines(each)) for each in all_templates().values()]
    return "\n".join(parts)


def _lines(template: Template) -> Iterator[str]:
    settings = msgspec.to_builtins(template.settings)
    yield f"({_anchor(template)})=\n\n## {template.title}\n"
    yield f"{template.description}\n"
    yield f"- Name: `{template.name}`"
    yield f"- Settings: {f'`{_json(settings)}`' if settings else 'none'}\n"
    yield f"```python\n{template.logic.rstrip()}\n```\n"
    first, *others = template.examples
    yield f"The first of {len(others) + 1} examples, *{first.name}*:\n"
    yield f"```json\n{_indented(msgspec.to_builtins(first))}\n```\n"


def _indented(example: dict[str, Any]) -> str:
    """Return an example with a line for each field."""
    return "{\n" + ",\n".join(f"  {_json(key)}: {_json(value)}" for key, value in example.items()) + "\n}"


def _json(value: Any) -> str:
    # With spaces after commas, so that a browser can break a long line.
    return msgspec.json.format(msgspec.json.encode(value), indent=0).decode()


def _anchor(template: Template) -> str:
    return f"template-{template.name}"
