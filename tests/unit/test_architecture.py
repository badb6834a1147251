"""The diagrams on the architecture page match the folders and the import contracts."""

import re
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "architecture.md"

#: The heading of a contract whose layers are whole packages.
PACKAGES: Final = "packages"

_BLOCK: Final = re.compile(r"^```\{code-block\} text\n:name: layers\n\n(.*?)^```$", re.DOTALL | re.MULTILINE)

#: The layers of each package, top to bottom, by their heading.
Layers = dict[str, list[str]]

DIAGRAM: Final = """\
```{code-block} text
:name: layers

packages
    web
    pipeline

pipeline
    worker | plant
    model
```
"""

PYPROJECT: Final = """\
[tool.importlinter]
root_packages = ["pipeline", "web"]

[[tool.importlinter.contracts]]
name = "The packages"
type = "layers"
layers = ["web", "pipeline"]

[[tool.importlinter.contracts]]
name = "The rooms of pipeline"
type = "layers"
containers = ["pipeline"]
layers = ["worker | plant", "(model)"]

[[tool.importlinter.contracts]]
name = "What devices may see"
type = "forbidden"
source_modules = ["devices"]
forbidden_modules = ["pipeline.worker"]
"""


def test_the_diagram_shows_the_import_contracts() -> None:
    assert diagram(PAGE.read_text()) == contracts((ROOT / "pyproject.toml").read_text())


def test_every_room_in_the_diagram_exists() -> None:
    assert missing(diagram(PAGE.read_text())) == []


@pytest.mark.parametrize("package", ["pipeline", "web"])
def test_the_docstring_of_a_package_describes_its_rooms_from_the_top_down(package: str) -> None:
    text = import_module(package).__doc__ or ""
    described = [
        re.findall(r"`(\w+)`", line.partition(": ")[0]) for line in text.splitlines() if line[:1] == "-"
    ]
    layers = [line.split(" | ") for line in contracts((ROOT / "pyproject.toml").read_text())[package]]

    assert [room for line in described for room in line] == [room for layer in layers for room in layer]


def test_the_same_layers_in_a_diagram_and_in_contracts_are_equal() -> None:
    assert diagram(DIAGRAM) == contracts(PYPROJECT)
    assert diagram(DIAGRAM) == {"packages": ["web", "pipeline"], "pipeline": ["worker | plant", "model"]}


def test_layers_with_full_names_are_the_same_contract() -> None:
    full = PYPROJECT.replace('containers = ["pipeline"]\n', "").replace(
        '["worker | plant", "(model)"]', '["pipeline.worker | pipeline.plant", "pipeline.model"]'
    )

    assert full != PYPROJECT
    assert contracts(full) == contracts(PYPROJECT)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"worker | plant", "(model)"', '"(model)", "worker | plant"'),
        ('"worker | plant"', '"worker", "plant"'),
        ("worker | plant", "worker | plant | backup"),
        ('["web", "pipeline"]', '["pipeline", "web"]'),
        ('containers = ["pipeline"]', 'containers = ["sandbox"]'),
    ],
    ids=["another order", "one layer split into two", "a new room", "another arrow", "another package"],
)
def test_a_contract_that_differs_from_the_diagram_is_detected(before: str, after: str) -> None:
    assert before in PYPROJECT

    assert diagram(DIAGRAM) != contracts(PYPROJECT.replace(before, after))


def test_a_room_that_does_not_exist_is_detected() -> None:
    layers = {"packages": ["web", "plants"], "pipeline": ["worker | plant", "models"]}

    assert missing(layers) == ["plants", "pipeline.models"]


def diagram(page: str) -> Layers:
    """Return the layers in the page's diagram, top to bottom, by their heading."""
    (block,) = _BLOCK.findall(page)
    parts = [part.splitlines() for part in block.strip("\n").split("\n\n")]
    return {heading: [line.strip() for line in lines] for heading, *lines in parts}


def contracts(pyproject: str) -> Layers:
    """Return the layers of the contracts of type "layers", in the form of the diagram."""
    tool = tomllib.loads(pyproject)["tool"].get("importlinter", {})
    found: Layers = {}
    for contract in tool.get("contracts", []):
        if contract["type"] == "layers":
            found |= _layers(contract)
    return found


def _layers(contract: dict[str, Any]) -> Layers:
    # import-linter puts an optional layer into parentheses.
    lines = [re.sub(r"[()]", "", layer) for layer in contract["layers"]]
    containers = contract.get("containers")
    if containers is None:
        package, dot, _ = lines[0].partition(".")
        containers = [package if dot else PACKAGES]
        lines = [line.replace(f"{package}.", "") for line in lines]
    return dict.fromkeys(containers, lines)


def missing(layers: Layers) -> list[str]:
    """Return the rooms that are neither a folder nor a file."""
    rooms = [
        room if package == PACKAGES else f"{package}.{room}"
        for package, lines in layers.items()
        for line in lines
        for room in re.split(r" [|:] ", line)
    ]
    paths = {room: ROOT / room.replace(".", "/") for room in rooms}
    return [room for room, path in paths.items() if not (path.is_dir() or path.with_suffix(".py").is_file())]
