"""A child whose logics are plain Python without checks and guards: only the process confines them.

`Unguarded` is a `Sandbox` whose children start here. Such a child needs a subclass: no setting and no message
to a child can produce one.
"""

from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

from sandbox.errors import Breach, LimitExceeded, LogicError
from sandbox.job import Logic, Raised
from sandbox.limits import Limits
from sandbox.parent.sandbox import Sandbox
from sandbox.runtime.timers import Clock
from sandbox.runtime.values import NO_META, Config, ReadingMeta

ROOT = str(Path(__file__).parents[2])


class PlainProgram:
    """Runs a source unchanged, with all of Python's own names."""

    held_bytes = 0

    def __init__(self, logic: Logic, _limits: Limits) -> None:
        self.peaks = {"fuel": 0}
        self.logic = logic
        self.timer_changes: dict[str, int | None] = {}
        self.alarm_changes: dict[str, Raised | None] = {}
        self._names: dict[str, object] = {}
        exec(compile(logic.source, "<logic>", "exec"), self._names)  # noqa: S102

    def prepare(self) -> None:
        """Do nothing: all code of the source has run."""

    def process(
        self,
        data: object,
        state: dict[str, object],
        config: Config,
        *,
        meta: ReadingMeta = NO_META,  # noqa: ARG002 - as `Program` has it
        fuel: int | None = None,
        clock: Clock | None = None,
        alarms: Set[str] = frozenset(),
    ) -> object:
        del fuel, clock, alarms  # it counts no fuel, and has no timers and no alarms
        self._names["config"] = config
        try:
            return self._names["process"](data, state)  # type: ignore[operator]
        except MemoryError:
            raise
        except Breach as e:
            raise LimitExceeded(e.message, e.limit, e.allowed) from None
        except Exception as e:  # noqa: BLE001  as a program does
            raise LogicError(f"{type(e).__name__}: {e}") from None

    def on_timer(
        self, timer: Mapping[str, object], state: dict[str, object], config: Config, **_: Any
    ) -> object:
        return self.process(timer, state, config)


class Unguarded(Sandbox):
    """A sandbox without the policy and the guards."""

    _boot = (
        f"import sys; sys.path += [*sys.argv[1:], {ROOT!r}]; from tests.sandbox.unguarded import main; main()"
    )


def main() -> None:
    """Run a normal child, but with programs of ours, and with modules that attackers like."""
    import ctypes
    import mmap
    import multiprocessing
    import subprocess
    import threading

    from sandbox.child import child

    del ctypes, mmap, multiprocessing, subprocess, threading
    child.main(PlainProgram)
