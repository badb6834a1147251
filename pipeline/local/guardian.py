"""A program that runs a command, and ensures that no process of the command is left over.

::

    python guardian.py WATCHED_PID FOLDER COMMAND [ARGUMENT ...]

Its promises, and how it keeps them:

- *The command ends with the process WATCHED_PID*, however that process ends. A descriptor of the process
  (pidfd_open(2)) becomes readable then. Unlike a pipe, no forked copy of the process can keep it open. The
  guardian then also removes FOLDER, unless it is an empty text, because no other process is left to do it.
- *Nothing outlives the command*: no daemon that it started, such as Erlang's port mapper, and no child of a
  child. The guardian is the subreaper of all of them (prctl(2), PR_SET_CHILD_SUBREAPER): a process that loses
  its parent becomes the guardian's child, so the guardian can find it and wait for it.
- *SIGTERM (and SIGINT, SIGHUP) ask the command to end; SIGUSR1 kills all its processes at once*, as in a
  crash.
- If the guardian itself is killed, the kernel kills the command (PR_SET_PDEATHSIG).

It exits with the command's status, or with 128 + the number of the signal that ended the command. It needs
only the standard library and is run by its path, so that it starts fast and a broken environment cannot stop
it.
"""

import ctypes
import os
import selectors
import shutil
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

#: Options of prctl(2).
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36

#: The signal that makes the guardian kill everything.
KILL: Final = signal.SIGUSR1

_ASK_TO_END: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_libc = ctypes.CDLL(None, use_errno=True)


def main(watched: int, folder: str, command: Sequence[str]) -> int:
    """Run `command` until it ends or must end, and return the exit status."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    signals, for_signals = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(for_signals)
    for number in (*_ASK_TO_END, KILL, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    with selectors.DefaultSelector() as selector:
        selector.register(signals, selectors.EVENT_READ)
        try:
            watcher = os.pidfd_open(watched)
        except ProcessLookupError:
            return 128 + signal.SIGKILL
        selector.register(watcher, selectors.EVENT_READ)
        process = subprocess.Popen(  # noqa: S603  running the command is the purpose
            command,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        while True:
            ready = {key.fd for key, _ in selector.select()}
            if watcher in ready:
                _kill_all()
                if folder:
                    shutil.rmtree(folder, ignore_errors=True)
                return 128 + signal.SIGKILL
            for received in os.read(signals, 4096) if signals in ready else b"":
                if received == KILL:
                    _kill_all()
                    return 128 + signal.SIGKILL
                if received in _ASK_TO_END:
                    # Signal only the command: it knows in which order its own children must end.
                    process.send_signal(signal.SIGTERM)
            if (status := _reap(process.pid)) is not None:
                _kill_all()
                return status


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _reap(command: int) -> int | None:
    """Reap all children that have ended. Return the command's exit status if it is one of them."""
    ended = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        if pid == command:
            code = os.waitstatus_to_exitcode(status)
            ended = code if code >= 0 else 128 - code


def _kill_all() -> None:
    """Kill all descendants of this process until none is left."""
    while True:
        for pid in _descendants():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _descendants() -> list[int]:
    children = defaultdict[int, list[int]](list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name in the second field may contain anything, but no later field has a parenthesis.
            state_and_parent = path.read_text(errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        children[int(state_and_parent[1])].append(int(path.parent.name))
    found = list(children[os.getpid()])
    for pid in found:
        found += children[pid]
    return found


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
