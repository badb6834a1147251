"""The API's types for the pages: `web/pages/src/api/schema.ts`, generated from the OpenAPI document.

`python -m docs.reference.page_types` (`make pages-types`) writes it.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final, cast

import msgspec

from docs.reference.rest import document

PAGES: Final = Path(__file__).parents[2] / "web" / "pages"
SCHEMA: Final = PAGES / "src" / "api" / "schema.ts"

#: The first status of a problem.
_PROBLEMS: Final = 400


def page_types() -> str:
    """Return the types, as TypeScript. The npm packages of the pages must be installed."""
    with NamedTemporaryFile(suffix=".json") as source, NamedTemporaryFile(suffix=".ts") as made:
        source.write(msgspec.json.encode(_slimmed(document())))
        source.flush()
        options = ["--default-non-nullable=false", "--empty-objects-unknown", "--alphabetize"]
        command = [sys.executable, str(PAGES / "npm.py"), "exec", "--offline", "--", "openapi-typescript"]
        subprocess.run(  # noqa: S603  our own words
            [*command, source.name, "--output", made.name, *options], check=True, capture_output=True
        )
        return Path(made.name).read_text()


def _slimmed(found: dict[str, Any]) -> dict[str, Any]:
    """Return the document without parts that give no type. All problems have one type, so one is enough."""
    for item in found["paths"].values():
        for operation in item.values():
            operation.pop("description", None)
            answers = operation["responses"]
            problems = [status for status in answers if int(status) >= _PROBLEMS]
            if problems:
                answers["default"] = answers[problems[0]]
            for status in problems:
                del answers[status]
            for answer in answers.values():
                answer.pop("headers", None)
    return cast(dict[str, Any], _without_examples(found))


def _without_examples(value: Any, *, names: bool = False) -> Any:
    """Return a part of the document without examples. With `names`, its keys are fields, which all stay."""
    if isinstance(value, list):
        return [_without_examples(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _without_examples(each, names=key == "properties" and not names)
        for key, each in value.items()
        if names or key not in ("example", "examples")
    }


if __name__ == "__main__":
    SCHEMA.write_text(page_types())
