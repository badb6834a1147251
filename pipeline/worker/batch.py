"""What a worker processes at once: readings of one partition or several, with their sessions."""

from concurrent.futures import Future
from typing import Any, Protocol

from msgspec import Struct

from pipeline.model.reading import Reading
from pipeline.model.session import Fence, Settled
from pipeline.telemetry import logs


class Session(Protocol):
    """The life of one channel, on which the broker hands out the readings of one partition.

    Its name and the delivery tags are written into the machines' records (`pipeline.model.record`), which is
    how a reading that is delivered again is recognised. It may write them while it holds `fence`.
    """

    queue: str
    overflow: str
    fence: Fence

    @property
    def settled(self) -> Settled:
        """What the broker has proven to be settled."""

    def lost(self) -> bool:
        """Whether it is known not to hold it any more."""

    def settle(self) -> None:
        """Acknowledge what was handed out last, but for what waits for moved readings. For the consumer's
        thread."""

    def settle_moved(self) -> None:
        """Acknowledge what has waited for moved readings. For the consumer's thread."""

    def end(self) -> None:
        """Give the partition up, and with it what is not acknowledged. For the consumer's thread."""


class MachineReadings(Struct):
    """The readings of one machine in a batch, in the order they arrived."""

    machine: str
    readings: list[Reading]
    session: Session


class Share(Struct):
    """What one partition has in a batch: its readings, at least one, in the order they arrived.

    `moved` is there if some of them go to the overflow: it is done when all of those are there.
    """

    session: Session
    readings: list[Reading]
    moved: "Future[None] | None" = None

    def groups(self) -> list[MachineReadings]:
        """The readings by machine, without those that name none."""
        machines = dict[str, list[Reading]]()
        for reading in self.readings:
            if reading.machine is not None:
                machines.setdefault(reading.machine, []).append(reading)
        return [MachineReadings(machine, readings, self.session) for machine, readings in machines.items()]


class Batch(Struct):
    """What is processed at once: readings of one or more partitions, each to be acknowledged as a whole.

    `published` is there once all is written: it is done when the broker has confirmed the results and dead
    letters of the readings, and then they may be acknowledged. Those of a share with moved readings wait for
    these too, but for the ones that came from the overflow.
    """

    shares: list[Share]
    published: "Future[None] | None" = None

    def lost(self) -> bool:
        """Whether the broker has given readings of it to somebody else."""
        return any(share.session.lost() for share in self.shares)

    @property
    def queues(self) -> list[str]:
        """The queues of the partitions that its readings come from."""
        return [share.session.queue for share in self.shares]

    @property
    def traceparents(self) -> list[str | None]:
        """What each of its readings says of the trace that it was sent in."""
        return [reading.traceparent for share in self.shares for reading in share.readings]

    def about(self, *, listed: int) -> dict[str, Any]:
        """What a line of the log says of it."""
        return logs.many([reading.id for share in self.shares for reading in share.readings], listed)

    def __repr__(self) -> str:
        count = sum(len(share.readings) for share in self.shares)
        return f"<batch of {count} from {', '.join(self.queues)}>"
