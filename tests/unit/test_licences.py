"""The licences of installed packages: all are known, and a plant can accept those that it runs."""

from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path

import pytest

from docs.reference.licences import is_allowed, licence, needed
from docs.reference.page_licences import imported, npm_licences

ROOT = Path(__file__).parents[2]


def test_a_plant_can_accept_the_licence_of_each_package_that_runs_in_it() -> None:
    found = {name: licence(distribution(name)) for name in needed("apprise", "otel")}

    assert {"dramatiq", "litestar", "hiredis", "h11"} <= set(found), (
        "with extras, and with what is below them"
    )
    assert {name: each for name, each in found.items() if not is_allowed(each)} == {}


def test_a_plant_can_accept_the_licence_of_each_package_in_its_pages() -> None:
    found = [each for each in npm_licences() if each.in_pages]

    assert {"svelte", "openapi-fetch", "openapi-typescript-helpers"} <= {each.name for each in found}
    assert [each for each in found if not is_allowed(each.licence)] == []


def test_the_licence_of_every_other_package_is_known() -> None:
    assert [name for name in needed("dev") if not licence(distribution(name))] == []
    assert [each.name for each in npm_licences() if not each.licence] == []


@pytest.mark.parametrize("file", ["constraints.txt", "web/pages/package-lock.json"])
def test_files_that_pin_versions_contain_no_address(file: str) -> None:
    assert "://" not in (ROOT / file).read_text(), "npm adds `funding` where packages change: take it out"


def test_the_imports_of_the_pages_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.ts").write_text('import { x } from "@codemirror/view";\nimport y from "./mine";\n')
    (tmp_path / "b.svelte").write_text("const u = await import('uplot/dist/uPlot.css'); import 'style-mod'\n")

    assert imported(tmp_path) == {"@codemirror/view", "uplot", "style-mod"}


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ("License-Expression: apache-2.0 or bsd-2-clause", "Apache-2.0 OR BSD-2-Clause"),
        ("License: MIT License\n        \n        Permission is granted", "MIT"),
        ("License: see LICENSE\nClassifier: License :: OSI Approved :: MIT License", "MIT"),
        ("Classifier: License :: Other/Proprietary License", "Other/Proprietary License"),
        ("Classifier: Topic :: Internet", ""),
    ],
)
def test_a_licence_is_read_from_the_metadata(tmp_path: Path, metadata: str, expected: str) -> None:
    assert licence(package(tmp_path, metadata)) == expected


@pytest.mark.parametrize(
    "expression", ["", "AGPL-3.0-only", "MIT AND GPL-3.0-only", "Other/Proprietary License"]
)
def test_a_licence_that_a_plant_cannot_accept_is_detected(expression: str) -> None:
    assert not is_allowed(expression)
    assert is_allowed(f"MIT OR {expression}")


def package(folder: Path, metadata: str) -> Distribution:
    """Return an installed package with only this metadata."""
    info = folder / "thing-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: thing\nVersion: 1.0\n{metadata}\n")
    return PathDistribution(info)
