"""Real programs of other projects, as processes that end with the test."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pipeline.local.packages import Package, install
from pipeline.local.server import MORE_PATHS

#: The PATH of the programs. On Debian, the PATH of ordinary users lacks the folders of servers.
PATH: Final = f"{os.environ['PATH']}:{MORE_PATHS}"

#: A command of each package of Debian.
_COMMANDS: Final = {
    "mosquitto": "mosquitto",
    "mosquitto-clients": "mosquitto_sub",
    "prometheus-mqtt-exporter": "prometheus-mqtt-exporter",
    "victoria-metrics": "victoria-metrics",
}


def ensure_installed(*packages: str) -> None:
    """Install the packages that are missing."""
    for package in packages:
        if shutil.which(_COMMANDS[package], path=PATH) is None:
            install(Package(package, package, package, package))


class Program:
    """A running program, with its output in a file."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._process, self._log = process, log

    @property
    def output(self) -> str:
        """Return all output so far. Fails if the program has ended."""
        said = self._log.read_text(errors="replace")
        assert self._process.poll() is None, f"The program has ended:\n{said}"
        return said


@contextmanager
def running(command: list[str], folder: Path, environ: Mapping[str, str] | None = None) -> Iterator[Program]:
    """Run a program in a folder while the block runs."""
    with tempfile.NamedTemporaryFile(prefix=f"{Path(command[0]).name}-", suffix=".log") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={"PATH": PATH, "HOME": str(folder), **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Program(process, Path(log.name))
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
