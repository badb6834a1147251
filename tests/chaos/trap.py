"""Traps in a worker: at a chosen step of a batch, the whole worker is killed or stopped from inside.

A random kill seldom hits the one moment that a safeguard is for. A trap always does. The environment sets it
before the worker starts (`tests.chaos.sabotage`).
"""

import os
import signal
import time
from collections.abc import Mapping
from enum import StrEnum
from itertools import count
from typing import Final

from pipeline.store.records import Records, Update
from pipeline.worker.batch import Batch
from pipeline.worker.partition import Partition
from pipeline.worker.processor import Processor

#: The environment variable that names the trap.
VARIABLE: Final = "CHAOS_TRAP"

#: Seconds to wait for the proof that readings which were acknowledged early are settled.
_PROOF_SECONDS: Final = 10

#: The number of the worker's batch that triggers the trap: not the first, so that there is something to lose.
_BATCH: Final = 4


class Trap(StrEnum):
    """The step of a trap, and its effect."""

    DIE_ON_TAKING = "killed when it has taken a batch"
    DIE_AFTER_WRITE = "killed when it has written a batch"
    STOP_BEFORE_WRITE = "stopped when it is about to write a batch"


def arm() -> None:
    """Set the trap that the environment names, if any."""
    name = os.environ.get(VARIABLE)
    if not name:
        return
    trap, steps = Trap(name), count(1)
    process, write = Processor.process, Records.write

    def trapped_process(self: Processor, batch: Batch) -> None:
        if trap is Trap.DIE_ON_TAKING and next(steps) == _BATCH:
            # A worker that acknowledges early loses its readings as soon as the broker has logged that.
            deadline = time.monotonic() + _PROOF_SECONDS
            for share in batch.shares:
                assert isinstance(share.session, Partition)
                assert share.session._proof is not None
                proof, last = share.session._proof, share.readings[-1].delivery
                while proof.acknowledged >= last > proof.settled and time.monotonic() < deadline:
                    time.sleep(0.01)
            os.killpg(0, signal.SIGKILL)
        process(self, batch)

    def trapped_write(self: Records, updates: Mapping[str, Update]) -> set[str]:
        # Only if there is already a record: otherwise nothing can be overwritten.
        due = trap is not Trap.DIE_ON_TAKING and any(update.read.token for update in updates.values())
        due = due and next(steps) == _BATCH
        if due and trap is Trap.STOP_BEFORE_WRITE:
            os.killpg(0, signal.SIGSTOP)
            time.sleep(1)  # the signal may take some time to reach this thread
        changed = write(self, updates)
        if due and trap is Trap.DIE_AFTER_WRITE:
            os.killpg(0, signal.SIGKILL)
        return changed

    Processor.process = trapped_process  # type: ignore[method-assign]
    Records.write = trapped_write  # type: ignore[method-assign]
