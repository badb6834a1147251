"""A batch: readings of one or more partitions, with their sessions, that a worker processes at once."""

from concurrent.futures import Future
from typing import Any, Protocol

from msgspec import Struct

from pipeline.model.reading import Reading
from pipeline.model.session import Fence, Settled
from pipeline.model.topic_source import SourceInUse
from pipeline.store.timers import Rest
from pipeline.telemetry import logs


class Session(Protocol):
    """The life of one channel, on which the broker delivers the readings of one partition.

    The session's name and the delivery tags are written into the machines' records, so that a redelivered
    reading is recognised (`pipeline.model.record`). A session may write records while it holds `fence`.
    """

    queue: str
    overflow: str
    fence: Fence
    #: The source whose partition this is, if any.
    source: SourceInUse | None
    #: The readings that the session has made dead letters of, because their machine's home is elsewhere: by
    #: their delivery, the machine and the mark. Settled ones may be missing.
    refused: dict[int, tuple[str, bytes]]

    @property
    def settled(self) -> Settled:
        """How far the session is proven to be settled."""

    @property
    def moving(self) -> bool:
        """Whether readings of an earlier batch are still on their way to the overflow."""

    def lost(self) -> bool:
        """Return whether the session is known to have lost its partition."""

    def settle(self) -> None:
        """Acknowledge the last share, except readings that wait for moved readings.

        Call it on the consumer's thread.
        """

    def settle_moved(self) -> None:
        """Acknowledge the readings that waited for moved readings. Call it on the consumer's thread."""

    def end(self) -> None:
        """Give up the partition and its unacknowledged readings. Call it on the consumer's thread."""


class MachineReadings(Struct):
    """The readings of one machine in a batch, in the order they arrived.

    If the index of timers has named the machine (`pipeline.model.timer`), `until` is the time until which its
    timers may run, in milliseconds since 1970, and `named` is when the index says that the first is due.
    `tried` says that a write was tried before, whose answer was lost.
    """

    machine: str
    readings: list[Reading]
    session: Session
    until: int | None = None
    named: int | None = None
    tried: bool = False


class Share(Struct):
    """The readings of one partition in a batch, in the order they arrived, and the machines with timers.

    There is at least one reading or machine. `moved` is set if some of the readings go to the overflow. It is
    done when all of these have arrived there. `due` are the machines whose timers may run, up to the time
    `until`, each with the time at which the index says that the first is due. `rests` says what the index
    must say of them when the messages are confirmed.
    """

    session: Session
    readings: list[Reading]
    moved: "Future[None] | None" = None
    due: dict[str, int] = {}
    until: int = 0
    rests: list[Rest] = []

    def groups(self) -> list[MachineReadings]:
        """Return the readings by machine, without readings that name no machine."""
        machines = dict[str, list[Reading]]()
        for reading in self.readings:
            if reading.machine is not None:
                machines.setdefault(reading.machine, []).append(reading)
        for machine in self.due:
            machines.setdefault(machine, [])
        return [
            MachineReadings(
                machine,
                readings,
                self.session,
                self.until if machine in self.due else None,
                self.due.get(machine),
            )
            for machine, readings in machines.items()
        ]


class Batch(Struct):
    """Readings of one or more partitions that are processed together. Each share is acknowledged as a whole.

    `published` is set when everything is written. It is done when the broker has confirmed the results and
    dead letters; then the readings may be acknowledged. If a share has moved readings, its readings also wait
    for those to arrive in the overflow, except the readings that came from the overflow.
    """

    shares: list[Share]
    published: "Future[None] | None" = None

    def lost(self) -> bool:
        """Return whether the broker has given some of the batch's readings to another session."""
        return any(share.session.lost() for share in self.shares)

    @property
    def queues(self) -> list[str]:
        """The queues of the partitions in this batch."""
        return [share.session.queue for share in self.shares]

    @property
    def traceparents(self) -> list[str | None]:
        """The `traceparent` of each reading, in order."""
        return [reading.traceparent for share in self.shares for reading in share.readings]

    def about(self, *, listed: int) -> dict[str, Any]:
        """Return the batch's fields for a line of the log."""
        return logs.many([reading.id for share in self.shares for reading in share.readings], listed)

    def __repr__(self) -> str:
        count = sum(len(share.readings) for share in self.shares)
        return f"<batch of {count} from {', '.join(self.queues)}>"
