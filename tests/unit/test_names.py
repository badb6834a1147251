"""Docstrings and comments name only modules, functions and files that exist."""

import re
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]

_FOLDERS: Final = "pipeline|sandbox|web|devices|deploy|docs|tests"

#: A dotted name of ours in backticks: a module, perhaps with a name in it.
_MODULE: Final = re.compile(rf"`((?:{_FOLDERS})(?:\.\w+)+)`")
#: A path of ours in backticks.
_PATH: Final = re.compile(rf"`((?:{_FOLDERS})/[\w./-]+)`")

#: Sources of the pages that git does not have.
_BUILT: Final = ("web/pages/built", "web/pages/node_modules")


def test_every_module_and_file_named_in_the_code_exists() -> None:
    named = {(path, name) for path in sources() for name in names(path.read_text())}

    assert len(named) > 100
    assert sorted(f"{path}: {name}" for path, name in named if not exists(name)) == []


@pytest.mark.parametrize(
    "module",
    [
        "pipeline.errors",
        "pipeline.local.errors",
        "devices.errors",
        "web.cli.commands.errors",
        "sandbox.errors",
    ],
)
def test_the_tree_of_errors_in_a_docstring_lists_every_error_of_its_module(module: str) -> None:
    found = import_module(module)
    errors = {name for name, each in vars(found).items() if getattr(each, "__module__", "") == module}
    listed = set(re.findall(r"^    (?:.*── )?([A-Z]\w+)", found.__doc__ or "", re.MULTILINE))

    assert listed - {"IotLogicError"} == errors - {"IotLogicError"}


def test_no_public_class_has_the_name_of_another() -> None:
    found = [
        name
        for path in sources()
        if path.suffix == ".py"
        and path.relative_to(ROOT).parts[0] in ("pipeline", "sandbox", "web", "devices")
        for name in re.findall(r"^class ([A-Z]\w*)", path.read_text(), re.MULTILINE)
    ]

    assert len(found) > 200
    assert sorted(name for name, times in Counter(found).items() if times > 1) == []


def test_a_name_that_does_not_exist_is_detected() -> None:
    text = (
        "See `pipeline.model.record`, `pipeline.keeper`, `pipeline.wire.machine_off` and `docs/no-page.md`."
    )

    assert [name for name in names(text) if not exists(name)] == [
        "pipeline.keeper",
        "pipeline.wire.machine_off",
        "docs/no-page.md",
    ]


def sources() -> Iterator[Path]:
    """Yield our Python files and the sources of the pages, without the corpus of the sandbox."""
    for folder in _FOLDERS.split("|"):
        for path in (ROOT / folder).rglob("*"):
            relative = path.relative_to(ROOT).as_posix()
            skipped = "corpus" in path.parts or relative.startswith(_BUILT) or path == Path(__file__)
            if path.suffix in (".py", ".svelte", ".ts", ".js") and not skipped:
                yield path


def names(text: str) -> list[str]:
    """Return our modules and files that a text names."""
    return _MODULE.findall(text) + [each for each in _PATH.findall(text) if not each.startswith(_BUILT)]


def exists(name: str) -> bool:
    """Return whether there is this file, or this module with the rest of the name in it."""
    if "/" in name:
        return (ROOT / name).exists()
    parts, path = name.split("."), ROOT
    while parts and (path / parts[0]).is_dir():
        path /= parts.pop(0)
    module = (
        path / f"{parts[0]}.py" if parts and (path / f"{parts[0]}.py").is_file() else path / "__init__.py"
    )
    rest = parts[1:] if module.name != "__init__.py" else parts
    return not rest or (
        module.is_file() and all(re.search(rf"\b{each}\b", module.read_text()) for each in rest)
    )
