"""The walkthrough, executed as written: every command runs, and prints the output on the page."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from pipeline.local.ports import free_port
from tests.support.installation import SCRIPTS
from tests.support.waiting import wait_until

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "walkthrough.md"

_BLOCK: Final = re.compile(
    r"^```(?:\{code-block\} )?(\w+)\n(?::caption: ([^\n]+)\n\n)?(.*?)^```$", re.DOTALL | re.MULTILINE
)

#: Commands that change nothing. Their output may take a moment to become correct.
_READS: Final = re.compile(r"iot-logic (list|status|dead-letters (list|show))\b|curl -s http\S+( \||$)")


class Block(NamedTuple):
    """A fenced block: its language, its file, and its text."""

    language: str
    file: str
    text: str


class Step(NamedTuple):
    """A command, and its expected output."""

    command: str
    output: str


def blocks(page: str) -> list[Block]:
    return [Block(*found) for found in _BLOCK.findall(page)]


def steps(text: str) -> list[Step]:
    """Yield the commands of a console, each with its expected output."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)
    assert parts[0] == ""
    return [Step(*part.partition("\n")[::2]) for part in parts[1:]]


def fits(said: str, expected: str) -> bool:
    """Return whether a command's output matches the page. `…` stands for any text, even an empty one."""
    pattern = re.escape(_tidy(expected)).replace("…", ".*")
    return re.fullmatch(pattern, _tidy(said), re.DOTALL) is not None


def _tidy(text: str) -> str:
    """Return the text with single spaces inside lines: their number depends on the columns' content."""
    lines = (re.sub(r"(?<=\S) +", " ", line.rstrip()) for line in text.strip("\n").splitlines())
    return "\n".join(lines)


class Terminal:
    """Runs the commands: a folder next to the servers that `make run` has started."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        (folder / "tests").mkdir()
        (folder / "tests" / "data").symlink_to(ROOT / "tests" / "data")
        self._environ = {
            "PATH": f"{SCRIPTS}:{os.environ['PATH']}",
            "IOT_LOGIC_API_URL": f"http://localhost:{port}",
        }

    def write(self, block: Block) -> None:
        path = self.folder / block.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)

    def type(self, command: str) -> str:
        """Run a command and return its output, whatever its exit status."""
        done = subprocess.run(
            ["bash", "-c", command.replace("localhost:8001", f"localhost:{self.port}")],
            cwd=self.folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        return done.stdout

    def check(self, step: Step) -> None:
        """Fail if a command's output differs from the page. A command that only reads is repeated a while."""
        patience = 60 if _READS.match(step.command) else 0
        deadline = time.monotonic() + patience
        while not fits(said := self.type(step.command), step.output):
            assert time.monotonic() < deadline, f"$ {step.command}\n{said}\nThe page says:\n{step.output}"


@pytest.fixture
def terminal(tmp_path: Path, broker_url: str, mqtt_url: str, redis_url: str) -> Iterator[Terminal]:
    """A terminal next to the processes of `make run`, on our servers so that it need not start any."""
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "TMPDIR": str(tmp_path),
        "IOT_LOGIC_AMQP_URL": broker_url,
        "IOT_LOGIC_MQTT_URL": mqtt_url,
        "IOT_LOGIC_REDIS_URL": redis_url,
        "IOT_LOGIC_API_PORT": str(port),
    }
    log = tmp_path / "make-run.log"
    with log.open("wb") as output:
        demo = subprocess.Popen(
            [sys.executable, "-m", "pipeline.local"],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        folder = tmp_path / "checkout"
        folder.mkdir()
        wait_until(lambda: "in a browser" in log.read_text() or demo.poll() is not None, timeout=120)
        assert demo.poll() is None, log.read_text()
        yield Terminal(folder, port)
    finally:
        demo.terminate()
        demo.wait(60)


def test_the_first_command_of_the_page_is_the_one_that_this_test_starts() -> None:
    typed = [block.text.strip() for block in blocks(PAGE.read_text()) if block.language == "sh"]
    # Not as a part of the `make` that may have started the tests.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    recipe = subprocess.run(
        ["make", "-n", "run"], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    ).stdout

    assert typed == ["make run", ". .venv/bin/activate"]
    assert recipe.splitlines()[-1] == "exec .venv/bin/python -m pipeline.local"


def test_every_command_prints_the_output_on_the_page(terminal: Terminal) -> None:
    count = 0
    for block in blocks(PAGE.read_text()):
        if block.file:
            terminal.write(block)
        elif block.language == "console":
            for step in steps(block.text):
                terminal.check(step)
                count += 1

    assert count == PAGE.read_text().count("\n$ ") > 10


def test_an_output_that_differs_from_the_page_is_detected() -> None:
    expected = "machine  readings\nfurnace  5…  …\n"

    assert fits("machine   readings\nfurnace        577  today\n", expected)
    assert not fits("machine   readings\nfurnace        677  today\n", expected)
    assert not fits("machine   readings\nfurnace        577  today\nanother\n", "machine  readings\n")
