"""A process under a guardian, which writes its output to a file."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pipeline.local import guardian

#: Characters from the end of the output that an error message shows.
_TAIL: Final = 2000


def guarded(command: Sequence[str], folder: str = "") -> list[str]:
    """Return the command line that runs `command` under a guardian, which ends it with the calling process.

    The guardian removes `folder` if the calling process ends before it has ended the command.
    """
    return [sys.executable, "-I", "-S", guardian.__file__, str(os.getpid()), folder, *command]


class GuardedProcess:
    """Runs `command` until it ends, is stopped, or the process that made this object ends.

    A terminal's Ctrl-C does not reach the command. The guardian removes `folder` if the process that made
    this object ends first.
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
        """Whether the process is still running."""
        return self._process.poll() is None

    def tail(self) -> str:
        """Return the end of the output."""
        return self._log.read_text(errors="replace")[-_TAIL:].strip()

    def stop(self, timeout: float) -> None:
        """Ask the process to end, and wait until it has; kill it after `timeout` seconds."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill the process and all that it started at once, as in a crash, and wait until they are gone."""
        self._process.send_signal(guardian.KILL)
        self._process.wait()
