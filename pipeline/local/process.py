"""A process under a guardian, with what it prints in a file."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pipeline.local import guardian

#: Characters of what it printed last that an error message shows.
_TAIL: Final = 2000


def guarded(command: Sequence[str], folder: str = "") -> list[str]:
    """The command line that runs `command` under a guardian, which ends it with the calling process.

    `folder` is removed where the calling process ends without having ended the command.
    """
    return [sys.executable, "-I", "-S", guardian.__file__, str(os.getpid()), folder, *command]


class GuardedProcess:
    """Runs `command` until it ends, is ended, or the process that made this object ends.

    It is out of reach of a terminal's Ctrl-C. `folder` is removed where nobody can do so any more.
    """

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], folder: Path, log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603  a server's binary that was looked up
                guarded(command, str(folder)),
                env=dict(environ),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def tail(self) -> str:
        """The end of what it has printed."""
        return self._log.read_text(errors="replace")[-_TAIL:].strip()

    def stop(self, timeout: float) -> None:
        """Ask it to end and wait until it has; after `timeout` seconds kill it."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill it and all that it started, at once, as a crash would, and wait until they are gone."""
        self._process.send_signal(guardian.KILL)
        self._process.wait()
