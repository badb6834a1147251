"""Starts child processes: the command, the environment and descriptors of the child, and the starting thread.

- The interpreter is this one, isolated (`-I`) and without `site` (`-S`), so that no code of a user or of the
  environment runs before the child is confined. The command line names the folders to import from: the folder
  of this package (a clone or an installation), and those of its few dependencies.
- The environment is empty. Every descriptor is closed, except the socket as standard input, the page for the
  progress as standard output, and a pipe for last words as standard error.
- The child has a session of its own, so Ctrl-C on a terminal does not reach it.
- The kernel ends a child when its parent *thread* ends (prctl(2), PR_SET_PDEATHSIG), and a sandbox may
  outlive the thread that made it. So one thread, which lives as long as the process, starts all children.
"""

import importlib.util
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from sandbox.errors import SandboxUnavailable

#: The code that the child runs; `sys.argv` holds the folders to import from.
BOOT: Final = "import sys; sys.path += sys.argv[1:]; from sandbox.child.child import main; main()"

#: The modules that a child imports from outside the standard library.
_IMPORTED: Final = ("sandbox", "msgspec", "re2", "RestrictedPython", "tzdata")

Child = subprocess.Popen[bytes]
_Order = tuple[list[str], socket.socket, int, int, Future[Child]]


class _Spawner:
    """The thread that starts children. It begins with the first child, and again after a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: SimpleQueue[_Order] | None = None

    def start(self, command: list[str], connection: socket.socket, page: int, last_words: int) -> Child:
        with self._lock:
            if self._orders is None:
                self._orders = SimpleQueue()
                threading.Thread(
                    target=self._run, args=(self._orders,), name="sandbox-spawner", daemon=True
                ).start()
            orders = self._orders
        future = Future[Child]()
        orders.put((command, connection, page, last_words, future))
        return future.result()

    def _run(self, orders: SimpleQueue[_Order]) -> None:
        while True:
            command, connection, page, last_words, future = orders.get()
            try:
                future.set_result(
                    subprocess.Popen(  # noqa: S603  our own interpreter and our own words
                        command,
                        stdin=connection.fileno(),
                        stdout=page,
                        stderr=last_words,
                        env={},
                        cwd="/",
                        start_new_session=True,
                    )
                )
            except Exception as e:  # noqa: BLE001  raised in the waiting thread
                future.set_exception(e)
            del connection, future

    def forget(self) -> None:
        """Start afresh in a forked process, which has neither the thread nor the holder of the lock."""
        self._lock = threading.Lock()
        self._orders = None


_spawner = _Spawner()
os.register_at_fork(after_in_child=_spawner.forget)


def spawn(boot: str, connection: socket.socket, page: int, last_words: int) -> Child:
    """Start a child that runs `boot`. Raises `SandboxUnavailable` if the system does not start it."""
    if not sys.executable:
        raise SandboxUnavailable("the path of the Python interpreter is unknown (sys.executable is empty)")
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", boot, *_folders(_IMPORTED)]
    try:
        return _spawner.start(command, connection, page, last_words)
    except (OSError, ValueError, subprocess.SubprocessError) as e:
        raise SandboxUnavailable(f"the sandbox's child process could not be started: {e}") from e


def _folders(modules: Sequence[str]) -> list[str]:
    """Return the folders of these modules, each once. Raises `SandboxUnavailable` if one is missing."""
    folders = dict[str, None]()
    for name in modules:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise SandboxUnavailable(f"the Python package {name} is not installed")
        folders[str(Path(spec.origin).absolute().parent.parent)] = None
    return list(folders)
