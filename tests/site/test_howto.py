"""The how-to pages, executed as written: each command succeeds, with the effect on the page."""

import os
import re
import subprocess
from contextlib import redirect_stderr, suppress
from io import StringIO
from pathlib import Path
from typing import Final

import pytest
import redis

from tests.site.mentions import ROOT, Mention, mentions
from tests.support.installation import SCRIPTS, Installation
from tests.support.waiting import wait_until
from web.cli.parser import new_parser

#: A logic that succeeds with numbers only; a different one for each version.
_LOGIC: Final = """\
def process(data, state):
    state["sum"] = state.get("sum", 0) + data["n"]
    return {{"version": {}}}
"""

#: Expected exit statuses other than 0, by the start of the command. 28: curl has listened for the given time.
_STATUSES: Final = {"iot-logic diff --machine": 1, "iot-logic status": 1, "curl -N": 28}


class Terminal:
    """Runs the commands of a page, next to a running plant."""

    def __init__(self, plant: Installation, folder: Path) -> None:
        self.plant, self.folder = plant, folder
        self._environ = plant.environ | {"PATH": f"{SCRIPTS}:{os.environ['PATH']}", "COMMIT": "3f2a1c"}

    def type(self, mention: Mention) -> str:
        """Run a command and return its output. Fails if the command fails."""
        command = mention.command.replace("http://localhost:8001", self.plant.environ["IOT_LOGIC_API_URL"])
        # A stream never ends, and nobody can answer questions.
        command = command.replace("curl ", "curl --fail-with-body --no-progress-meter --max-time 5 ")
        command = re.sub(" (discard|send-again) ", r" \1 --yes ", command)
        command = command.replace("--max-time 5 -N", "--max-time 1 -N")
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        expected = next((each for begins, each in _STATUSES.items() if mention.command.startswith(begins)), 0)
        assert done.returncode in {0, expected}, f"{mention.command}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def plant(module_installation: Installation) -> Installation:
    module_installation.start_api()
    start_worker(module_installation)
    return module_installation


@pytest.fixture
def terminal(plant: Installation, tmp_path: Path) -> Terminal:
    return Terminal(plant, tmp_path)


def test_failures_are_found_and_fixed(terminal: Terminal) -> None:
    plant = terminal.plant
    upload(plant, "press-7", 2)
    plant.send(("press-7", {"n": 1}) for _ in range(1203))
    plant.send([("press-7", {"n": "a text"}), ("press-7", b"no JSON")])
    plant.wait_for_dead_letters(2)

    said = [terminal.type(each) for each in whole("fix-failures.md")]

    assert len(said) > 8
    assert any("press-7/1204" in each for each in said)
    assert plant.client.get("/machines/press-7/logic").json()["version"] == 1
    assert plant.state("press-7") == {"sum": 1203}


def test_logic_is_kept_in_git(terminal: Terminal) -> None:
    upload(terminal.plant, "press-7", 5)
    terminal.plant.client.put("/machines/press-7/config", json={"limit": 90}).raise_for_status()

    said = [terminal.type(each) for each in whole("version-in-git.md")]

    assert len(said) > 6
    assert {path.name for path in (terminal.folder / "plant" / "machines").iterdir()} >= {
        "press-7.py",
        "press-7.config.json",
    }
    assert terminal.plant.client.get("/machines/press-7/logic").json()["version"] == 4


def test_a_logic_is_rolled_out_to_many_machines(terminal: Terminal) -> None:
    plant = terminal.plant
    plant.client.post("/profiles/pumps/logic", json={"logic": _LOGIC.format(1)}).raise_for_status()
    (terminal.folder / "pumps.py").write_text(_LOGIC.format(2))

    said = [terminal.type(each) for each in whole("roll-out.md")]

    assert len(said) > 7
    pump = plant.client.get("/machines/pump-1").json()
    assert pump["profile"] == "pumps"
    assert plant.client.get("/machines/pump-1/logic").status_code == 404
    assert plant.client.get("/machines/pump-1/config").json() == {"limit": 70}
    effective = plant.client.get("/machines/pump-1/config/effective").json()["config"]
    assert effective == {"limit": 70, "unit": "bar"}
    assert plant.client.get("/profiles/pumps/logic").json()["version"] == 1


def test_a_plant_is_backed_up_and_restored(terminal: Terminal) -> None:
    plant = terminal.plant
    upload(plant, "kept", 1)
    plant.send([("kept", {"n": 17})])
    wait_until(lambda: plant.client.get("/machines/kept/state").json() == {"sum": 17})
    export, restore, *others = [each for each in whole("back-up.md") if each.words[0] == "iot-logic"]

    terminal.type(export)
    for process in plant.commands:
        process.stop()
    with redis.Redis.from_url(plant.redis_url) as client:
        client.flushall()
    terminal.type(restore)
    plant.start_api()
    start_worker(plant)
    for each in others:
        terminal.type(each)

    assert [each.words[1] for each in (export, restore, *others)] == ["export", "import", "doctor", "status"]
    assert plant.state("kept") == {"sum": 17}


def test_a_failing_command_is_detected(terminal: Terminal) -> None:
    with pytest.raises(AssertionError, match="has no logic"):
        terminal.type(Mention("page.md", "iot-logic rollback nobody", inline=False))
    with pytest.raises(AssertionError, match="Not Found"):
        terminal.type(Mention("page.md", "curl http://localhost:8001/machines/nobody/state", inline=False))


def whole(page: str) -> list[Mention]:
    """Return the commands of a page, without those that a sentence only names."""
    return [each for each in mentions(ROOT / "docs" / page) if not each.inline or is_whole(each)]


def is_whole(mention: Mention) -> bool:
    """Return whether a command is complete."""
    with suppress(SystemExit), redirect_stderr(StringIO()):
        return mention.words[0] != "iot-logic" or bool(new_parser().parse_args(mention.words[1:]))
    return False


def upload(plant: Installation, machine_id: str, versions: int) -> None:
    """Upload this many versions, one after the other, each with an example."""
    for number in range(1, versions + 1):
        example = {"name": "adds", "readings": [{"n": 1}], "state_after": {"sum": 1}}
        body = {"logic": _LOGIC.format(number), "examples": [example]}
        plant.client.post(f"/machines/{machine_id}/logic", json=body).raise_for_status()


def start_worker(plant: Installation) -> None:
    """Start a worker, and wait until it holds all partitions."""
    plant.start_worker()
    wait_until(lambda: all(each["held_by"] for each in plant.client.get("/partitions").json()["partitions"]))
