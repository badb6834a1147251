"""What happens to a machine, one after the other: its readings are run, and its timers."""

from msgspec import Struct

from pipeline.model.reading import Reading
from pipeline.model.timer import body_of, name_of
from sandbox.job import Outcome, TimerRun


class MachineEvent(Struct, frozen=True):
    """A reading or the run of a timer, with its outcome.

    `number` is the running number of the reading; for a timer, that of the last reading before it, and then
    `timer_run` is the number of the `run`. A timer that was sent again has the `reading` that carried it.
    `sequence` counts the machine's readings and its timers that ran together.
    """

    number: int
    sequence: int
    outcome: Outcome
    reading: Reading | None = None
    run: TimerRun | None = None
    timer_run: int | None = None

    @property
    def name(self) -> str:
        """The id of its results, and of its dead letter on the machine."""
        return str(self.number) if self.timer_run is None else name_of(self.timer_run)

    @property
    def body(self) -> bytes:
        """The bytes of the reading, or those that stand for the timer in a dead letter."""
        if self.run is not None:
            return body_of(self.run)
        assert self.reading is not None
        return self.reading.body

    @property
    def received(self) -> int:
        """When the reading was received or the timer ran, in milliseconds since 1970."""
        if self.run is not None:
            return self.run.received
        assert self.reading is not None
        return self.reading.received

    @property
    def late(self) -> float:
        """How many seconds late a timer ran; 0 for a reading."""
        return 0.0 if self.run is None else max(0, self.run.received - self.run.due) / 1000

    @property
    def key(self) -> str | None:
        """The routing key of a reading that came by a source."""
        return self.reading.own_key if self.reading is not None and self.run is None else None
