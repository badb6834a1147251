"""The output of `make dist`: it is complete and reproducible, and runs in an empty environment."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from docs.reference.licences import needed
from docs.reference.page_licences import npm_licences
from tests.support.installation import SCRIPTS, Installation
from tests.support.waiting import wait_until

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("pipeline", "sandbox", "web", "devices")

LOGIC: Final = "def process(data, state): state['sum'] = state.get('sum', 0) + data['n']"


class Built(NamedTuple):
    """A wheel and the source that it is built from."""

    wheel: Path
    source: Path


def hatchling(tree: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the build backend in a source tree."""
    return subprocess.run(
        [sys.executable, "-m", "hatchling", *arguments],
        cwd=tree,
        env={"PATH": os.environ["PATH"], "SOURCE_DATE_EPOCH": "1700000000"},
        capture_output=True,
        text=True,
        timeout=60,
    )


def build(tree: Path, folder: Path) -> Built:
    """Build a source tree with the recipe of `make dist`."""
    done = hatchling(tree, "build", "-d", str(folder))
    assert done.returncode == 0, done.stderr
    [wheel], [source] = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return Built(wheel, source)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The packages built from this tree."""
    return build(ROOT, tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def unpacked(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source distribution, without anything else."""
    folder = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["tar", "-xzf", built.source, "-C", folder], check=True)
    [tree] = folder.iterdir()
    return tree


@pytest.fixture(scope="module")
def scripts(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands in an environment with only the wheel and its declared dependencies."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    [site] = folder.glob("lib/python*/site-packages")
    for name in needed():
        copy(distribution(name), site)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--no-deps", str(built.wheel)], check=True)
    subprocess.run([*pip, "check"], check=True, stdout=subprocess.DEVNULL)
    return python.parent


def copy(package: Distribution, site: Path) -> None:
    """Copy an installed package into another environment, with its commands."""
    for file in package.files or []:
        source, target = Path(str(file.locate())).resolve(), (site / file).resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.parent == SCRIPTS.resolve():
            _, _, rest = source.read_text().partition("\n")
            target.write_text(f"#!{target.parent}/python\n{rest}")
            target.chmod(0o755)
        elif source.is_file():
            shutil.copyfile(source, target)


def test_the_wheel_contains_all_our_packages_and_nothing_else(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        info = [name.partition(".dist-info/")[2] for name in archive.namelist() if ".dist-info/" in name]

    # Of the pages it has the build result, without their sources.
    sources = {name for name in files(ROOT, "web/pages") if not name.startswith("web/pages/built/")}
    assert names == files(ROOT, *PACKAGES) - sources
    assert "web/pages/built/index.html" in names
    assert {"licenses/LICENSE", "entry_points.txt"} <= set(info)


def test_the_wheel_contains_the_notices_of_third_party_code_in_its_pages(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        notices = archive.read("web/pages/built/licences.md").decode()
    bundled = set(re.findall(r"^## (\S+) - (\S+) \((.+)\)$", notices, re.MULTILINE))

    listed = {(each.name, each.version, each.licence) for each in npm_licences() if each.in_pages}
    assert "svelte" in {name for name, *_ in bundled}
    assert bundled <= listed, "docs/licences.md does not list them"


def test_the_source_contains_everything_to_build_the_wheel_and_the_site_and_to_run_the_tests(
    unpacked: Path,
) -> None:
    folders = (*PACKAGES, "tests", "docs", "deploy")

    assert files(unpacked, *folders) == files(ROOT, *folders)
    assert {"Makefile", "pyproject.toml", "constraints.txt", "compose.yaml", "Dockerfile", "LICENSE"} <= {
        path.name for path in unpacked.iterdir()
    }


def test_builds_of_the_source_are_equal_byte_for_byte(built: Built, unpacked: Path, tmp_path: Path) -> None:
    again = build(unpacked, tmp_path)

    assert again.wheel.read_bytes() == built.wheel.read_bytes()
    assert again.source.read_bytes() == built.source.read_bytes()


@pytest.mark.parametrize("target", ["wheel", "sdist"])
def test_nothing_is_built_without_the_pages(unpacked: Path, tmp_path: Path, target: str) -> None:
    tree = shutil.copytree(
        unpacked, tmp_path / "tree", ignore=shutil.ignore_patterns("built", "tests", "docs")
    )

    done = hatchling(tree, "build", "-t", target)

    assert done.returncode != 0
    assert done.stderr.strip().endswith("The pages in web/pages are not built. Build them first: make pages")
    assert not (tree / "dist").exists() or list((tree / "dist").iterdir()) == []


@pytest.mark.parametrize("command", ["iot-logic", "iot-devices"])
def test_the_installed_commands_describe_themselves(scripts: Path, tmp_path: Path, command: str) -> None:
    done = subprocess.run(
        [scripts / command, "--help"], cwd=tmp_path, env={}, capture_output=True, text=True, timeout=60
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: {command}")


def test_the_installed_api_and_worker_run_a_logic(
    scripts: Path, installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Dramatiq also imports from its working directory, which must not be our tree.
    monkeypatch.chdir(tmp_path)
    installation.scripts = scripts
    installation.start_api()
    worker = installation.start_worker()

    installation.upload("press", LOGIC)
    installation.send(("press", {"n": n}) for n in (1, 2, 3))

    def processed() -> bool:
        worker.check_running()
        answer: object = installation.client.get("/machines/press/state").json()
        return answer == {"sum": 6}

    wait_until(processed)
    assert "IoT Logic Processor" in installation.client.get("/schema").text
    [script] = re.findall(r'<script [^>]*src="\.(/pages/[^"]+)"', installation.client.get("/").text)
    assert installation.client.get(script).headers["Content-Type"].startswith("text/javascript")


def files(tree: Path, *folders: str) -> set[str]:
    """Return the files below some folders of a tree, without files left by running it."""
    return {
        path.relative_to(tree).as_posix()
        for folder in folders
        for path in (tree / folder).rglob("*")
        if path.is_file() and not {"__pycache__", "node_modules"} & set(path.parts)
    }
