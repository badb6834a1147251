"""The library of templates: the files in the folder `pipeline/templates/logics`.

::

    milesight.py               the logic; its docstring is the title and the description of the template
    milesight.examples.json    its examples, as they are uploaded with a logic
    milesight.settings.json    the settings that it needs; optional

The files have the same names as in a folder of `iot-logic push`.
"""

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec import Struct

from pipeline.model.machine_settings import NO_SETTINGS, MachineSettings
from pipeline.trials.examples import Example

_FOLDER: Final = Path(__file__).with_name("logics")


class Template(Struct, frozen=True):
    """A logic to start from, with the examples that it passes and the settings that it needs."""

    name: str
    title: str
    description: str
    settings: MachineSettings
    logic: str
    examples: list[Example]


@cache
def templates() -> Mapping[str, Template]:
    """Return all templates by their names, in alphabetical order."""
    return MappingProxyType({path.stem: _read(path) for path in sorted(_FOLDER.glob("*.py"))})


def _read(path: Path) -> Template:
    logic = path.read_text()
    title, _, description = (ast.get_docstring(ast.parse(logic)) or "").partition("\n")
    settings = path.with_suffix(".settings.json")
    return Template(
        name=path.stem,
        title=title,
        description=" ".join(description.split()),
        settings=msgspec.json.decode(settings.read_bytes(), type=MachineSettings)
        if settings.exists()
        else NO_SETTINGS,
        logic=logic,
        examples=msgspec.json.decode(path.with_suffix(".examples.json").read_bytes(), type=list[Example]),
    )
