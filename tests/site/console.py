"""Pages that a test can type: their files, their commands, and the expected output of each command."""

import os
import re
import subprocess
import time
from pathlib import Path
from typing import Final, NamedTuple

from tests.support.installation import SCRIPTS

_BLOCK: Final = re.compile(
    r"^```(?:\{code-block\} )?(\w+)\n(?::caption: ([^\n]+)\n\n)?(.*?)^```$", re.DOTALL | re.MULTILINE
)

#: Commands that change nothing. Their output may take a moment to become correct.
_READS: Final = re.compile(
    r"iot-logic (list|status|dead-letters (list|show)|alarms (list|journal))\b|curl -s http\S+( \||$)"
    r"|wget -qO- |cat "
)

#: Seconds that a command may take, and until the output of a command that only reads must be correct.
_TIMEOUT: Final = 120
_PATIENCE: Final = 60


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
    """Return the blocks of a page, in order."""
    return [Block(*found) for found in _BLOCK.findall(page)]


def steps(text: str) -> list[Step]:
    """Return the commands of a console, each with its expected output."""
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
    """Writes the files of a page into a folder, and types its commands there.

    `port` is the API's, and `environ` is added to the environment of the commands.
    """

    def __init__(self, folder: Path, port: int, **environ: str) -> None:
        self.folder, self.port = folder, port
        self.environ = {
            "PATH": f"{SCRIPTS}:{os.environ['PATH']}",
            "IOT_LOGIC_API_URL": f"http://localhost:{port}",
            **environ,
        }

    def write(self, block: Block) -> None:
        """Write the file of a block."""
        path = self.folder / block.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)

    def type(self, command: str) -> str:
        """Run a command and return its output, whatever its exit status."""
        done = subprocess.run(
            ["bash", "-c", command.replace("localhost:8001", f"localhost:{self.port}")],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT,
        )
        return done.stdout

    def check(self, step: Step) -> None:
        """Fail if a command's output differs from the page. A command that only reads is repeated a while."""
        deadline = time.monotonic() + (_PATIENCE if _READS.match(step.command) else 0)
        while not fits(said := self.type(step.command), step.output):
            assert time.monotonic() < deadline, f"$ {step.command}\n{said}\nThe page says:\n{step.output}"

    def follow(self, page: str) -> int:
        """Write all files of a page and type all its commands, in order. Return the number of commands."""
        count = 0
        for block in blocks(page):
            if block.file:
                self.write(block)
            elif block.language == "console":
                for step in steps(block.text):
                    self.check(step)
                    count += 1
        return count
