"""A server as a process of our own: started until it is really ready, stopped, killed, started again."""

import os
import shutil
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Final, Self

from pipeline.local.errors import ServerFailed
from pipeline.local.process import GuardedProcess

#: Seconds between two looks whether a server is ready.
_INTERVAL: Final = 0.05

#: What is added to PATH: Debian's ordinary users lack the folders of servers.
MORE_PATHS: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class PrivateServer(ABC):
    """A server on ports of 127.0.0.1 and with a data folder of its own.

    It ends with the process that made it, however that ends. As a context manager it is started and closed.
    """

    #: What it is called in messages.
    name: str
    #: Seconds that a start and an orderly end may take. Far above what is usual: both are waited for only
    #: where something is wrong, or the machine is very busy.
    start_seconds: float = 120
    stop_seconds: float = 30

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"iot-logic-{self.name.lower()}-"))
        self._process: GuardedProcess | None = None

    @abstractmethod
    def _command(self) -> list[str]:
        """The command line of the server."""

    @abstractmethod
    def _ready(self) -> bool:
        """Whether a client is served."""

    def _environ(self) -> dict[str, str]:
        """The environment of the server: nothing of the caller's but where programs are found."""
        return {
            "PATH": f"{os.environ.get('PATH', '')}:{MORE_PATHS}",
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "LANG": "C.UTF-8",
        }

    def start(self) -> None:
        """Start it on the data it has, and return when it serves clients. Raises `ServerFailed`."""
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
        """End it in its own orderly way; it keeps its data. Does nothing where it does not run."""
        if self._process is not None:
            self._process.stop(self.stop_seconds)
            self._process = None

    def kill(self) -> None:
        """SIGKILL all of it, as a crash would; its data stay as they are. Nothing where it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def close(self) -> None:
        """End it for good and remove its data."""
        # It need not end in an orderly way: nobody will read its data again.
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
