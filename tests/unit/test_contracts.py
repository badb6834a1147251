"""The contracts in pyproject.toml fail if an import goes in the wrong direction."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


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


def test_the_code_keeps_the_contracts(copy: Path) -> None:
    done = check(copy)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("pipeline/store/records.py", "import pipeline.broker.connection"),
        ("pipeline/broker/publisher.py", "import pipeline.store.records"),
        ("pipeline/model/record.py", "import pipeline.telemetry.logs"),
        ("pipeline/dead_letters/redrive.py", "import pipeline.worker.batch"),
        ("pipeline/worker/consumer.py", "import redis"),
        ("sandbox/job.py", "import pipeline.errors"),
        ("sandbox/parent/sandbox.py", "import sandbox.child.runner"),
        ("web/schemas/machine.py", "import web.routes.machines"),
        ("devices/machine.py", "import pipeline.broker.topology"),
    ],
)
def test_an_import_in_the_wrong_direction_breaks_a_contract(copy: Path, module: str, line: str) -> None:
    path = copy / module
    kept = path.read_text()
    path.write_text(f"{kept}\n{line}\n")
    try:
        done = check(copy)
    finally:
        path.write_text(kept)

    assert done.returncode == 1
    assert "BROKEN" in done.stdout
