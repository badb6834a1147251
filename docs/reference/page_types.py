"""What the pages know of the API: `web/pages/src/api/schema.ts`, made from the OpenAPI document.

`python -m docs.reference.page_types FILE` (`make pages-types`) writes it.
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
    """The types, as TypeScript. Needs `npm ci` to have been done for the pages."""
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
    """The document without what no type comes from; every problem has the one shape, so it is said once."""
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
    """A part of the document; `names`: its keys are names of fields, which may be called so too."""
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
