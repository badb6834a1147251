"""A local server as a private process, which can be started, stopped, killed and started again."""

import os
import shutil
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Final, Self

from pipeline.local.errors import ServerFailed
from pipeline.local.process import GuardedProcess

#: Seconds between two checks whether a server is ready.
_INTERVAL: Final = 0.05

#: The folders added to PATH. On Debian, the PATH of ordinary users lacks the folders of servers.
MORE_PATHS: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class PrivateServer(ABC):
    """A server with ports of 127.0.0.1 and a data folder of its own.

    It ends with the process that made it, however that process ends. As a context manager it starts on entry
    and closes on exit.
    """

    #: The server's name in messages.
    name: str
    #: Seconds that a start and a clean shutdown may take. Far above the usual time: a server needs that long
    #: only if something is wrong, or the machine is very busy.
    start_seconds: float = 120
    stop_seconds: float = 30

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"iot-logic-{self.name.lower()}-"))
        self._process: GuardedProcess | None = None

    @abstractmethod
    def _command(self) -> list[str]:
        """Return the command line of the server."""

    @abstractmethod
    def _ready(self) -> bool:
        """Return whether the server serves clients."""

    def _environ(self) -> dict[str, str]:
        """Return the server's environment. Only PATH comes from the caller's environment."""
        return {
            "PATH": f"{os.environ.get('PATH', '')}:{MORE_PATHS}",
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "LANG": "C.UTF-8",
        }

    def start(self) -> None:
        """Start the server on its data, and return when it serves clients. Raises `ServerFailed`."""
        if self._process is not None and self._process.running:
            raise ServerFailed(f"{self.name} is already running. Stop it first.")
        process = self._process = GuardedProcess(
            self._command(), self._environ(), self.folder, self.folder / "output.log"
        )
        deadline = time.monotonic() + self.start_seconds
        while not self._ready():
            if not process.running:
                raise ServerFailed(
                    f"{self.name} stopped while it was starting. Its last output:\n{process.tail()}"
                )
            if time.monotonic() > deadline:
                said = process.tail()
                self.kill()
                raise ServerFailed(
                    f"{self.name} was not ready within {self.start_seconds:.0f} seconds. "
                    f"Its last output:\n{said}"
                )
            time.sleep(_INTERVAL)

    def stop(self) -> None:
        """Shut the server down cleanly; it keeps its data. Does nothing if the server is not running."""
        if self._process is not None:
            self._process.stop(self.stop_seconds)
            self._process = None

    def kill(self) -> None:
        """Kill the server's processes with SIGKILL, as in a crash; its data stay unchanged.

        Does nothing if the server is not running.
        """
        if self._process is not None:
            self._process.kill()
            self._process = None

    def close(self) -> None:
        """End the server for good and remove its data."""
        # A clean shutdown is not necessary, because the data are removed.
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
