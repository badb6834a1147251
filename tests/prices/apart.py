"""Runs what may crash, hang or exhaust the memory in a process of its own.

The process says what it attempts before it does it. If it ends or does not answer, it is started again for
the next task, and its last attempt is a finding of its own.
"""

import gc
import multiprocessing
import resource
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, Final

from msgspec import Struct

from tests.prices.measure import LIMITS

#: Seconds without an answer until the process is killed.
_PATIENCE: Final = 60.0


class Attempt(Struct, frozen=True):
    """What is tried next: an input or a program."""

    what: Any


class Lost(Struct, frozen=True):
    """An attempt that ended its process, or held it until it was killed."""

    what: Any
    how: str


class Apart:
    """A process of its own for tasks, which yield attempts and findings."""

    def __init__(self) -> None:
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None

    def run(self, task: Callable[..., Iterator[Any]], *arguments: Any) -> Iterator[Any]:
        """Run a task, and yield its findings, the last of which may be that the process was lost."""
        connection = self._started()
        connection.send((task, arguments))
        attempt: Any = None
        while True:
            how = f"no answer in {_PATIENCE:.0f} seconds"
            try:
                if connection.poll(_PATIENCE):
                    message = connection.recv()
                    if message is None:
                        return
                    if isinstance(message, Attempt):
                        attempt = message.what
                    else:
                        yield message
                    continue
            except (EOFError, ConnectionError):
                assert self._process is not None
                self._process.join()
                how = f"the process ended with {self._process.exitcode}"
            self.close()
            yield Lost(attempt, how)
            return

    def _started(self) -> Connection:
        if self._connection is None:
            spawn = multiprocessing.get_context("spawn")
            self._connection, theirs = spawn.Pipe()
            self._process = spawn.Process(target=_serve, args=(theirs,), daemon=True)
            self._process.start()
            theirs.close()
        return self._connection

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None


def _serve(connection: Connection) -> None:
    memory = 3 * LIMITS.memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    gc.collect()
    gc.freeze()
    while True:
        task, arguments = connection.recv()
        for message in task(*arguments):
            connection.send(message)
        connection.send(None)
