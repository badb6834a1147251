"""The contracts in pyproject.toml fail if an import goes in the wrong direction."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parents[2]

#: For each contract, imports that break it: the file, and the line that is added to it.
WRONG: Final = [
    ("top level", "sandbox/job.py", "import pipeline.errors"),
    ("top level", "pipeline/store/records.py", "def later(): import web.app"),
    ("pipeline", "pipeline/store/records.py", "import pipeline.broker.connection"),
    ("pipeline", "pipeline/broker/publisher.py", "import pipeline.store.records"),
    ("pipeline", "pipeline/model/record.py", "import pipeline.telemetry.logs"),
    ("pipeline", "pipeline/plant/lag.py", "from pipeline import worker"),
    ("pipeline", "pipeline/new_room.py", "import pipeline.errors"),
    ("web", "web/schemas/machine.py", "import web.routes.machines"),
    ("web", "web/new_room.py", "import web.metrics"),
    ("sandbox", "sandbox/parent/sandbox.py", "import sandbox.child.runner"),
    ("sandbox", "sandbox/new_room.py", "import sandbox.job"),
    ("web does not know the worker", "web/metrics.py", "import pipeline.worker.metrics"),
    ("web does not know the worker", "web/cli/main.py", "import pipeline.actors"),
    ("the command uses neither the API nor a web framework", "web/cli/main.py", "import web.schemas.logic"),
    ("the command uses neither the API nor a web framework", "web/cli/parser/common.py", "import litestar"),
    ("devices know the wire only", "devices/machine.py", "import pipeline.broker.topology"),
    ("devices know the wire only", "devices/fleet.py", "from sandbox.limits import Limits"),
    ("nobody imports devices", "pipeline/local/demo.py", "import devices.command"),
    ("only the store imports redis", "pipeline/worker/consumer.py", "import redis"),
    ("only the store imports redis", "pipeline/settings.py", "import redis.asyncio"),
    ("only the store imports redis", "pipeline/store/records.py", "from redis import Redis"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the code without its pages, which the test may change."""
    folder = tmp_path_factory.mktemp("code")
    for package in ("pipeline", "sandbox", "web", "devices"):
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("pages", "__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [command, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )


def broken(report: str) -> set[str]:
    """Return the names of the broken contracts in a report."""
    return set(re.findall(r"^(.+?) BROKEN\b", report, re.MULTILINE))


def test_the_code_keeps_the_contracts(copy: Path) -> None:
    done = check(copy)

    assert done.returncode == 0, done.stdout


def test_each_contract_is_broken_below() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

    assert {each["name"] for each in contracts} == {name for name, _, _ in WRONG}


@pytest.mark.parametrize(("contract", "file", "line"), WRONG, ids=lambda value: str(value))
def test_an_import_in_the_wrong_direction_breaks_its_contract(
    copy: Path, contract: str, file: str, line: str
) -> None:
    path = copy / file
    kept = path.read_text() if path.exists() else None
    path.write_text(f"{kept or ''}\n{line}\n")
    try:
        done = check(copy)
    finally:
        path.write_text(kept) if kept is not None else path.unlink()

    assert done.returncode == 1
    assert contract in broken(done.stdout), done.stdout
