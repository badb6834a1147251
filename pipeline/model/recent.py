"""One of a machine's last readings, as it is kept for users to look at."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from pipeline.model.deployment import Active
from pipeline.model.machine_event import MachineEvent
from pipeline.model.numbers import numbers_of
from pipeline.model.topic_source import topic_of
from sandbox.job import Failure, OutcomeKind

#: Maximum bytes kept of one reading, and of all its results together. A typical telegram is shorter. The
#: beginning of a longer one is enough, and twenty readings of each machine must fit in memory.
KEPT_BYTES: Final = 4096


class KeptReading(Struct, frozen=True, array_like=True):
    """A reading that was processed: its running number, the time (RFC 3339, UTC), and the outcome.

    `reading` has its bytes, or the first `KEPT_BYTES` of `size`. `results` are JSON objects; a result that
    did not fit is empty. `failure` is set if `kind` is not `ok`; the reading is a dead letter then.
    `logicprofile` is the profile of the version that was run, or None if the version is the machine's own.
    `topic` is the MQTT topic of a reading that came by a source. `received` is when it was received, in
    milliseconds since 1970; None if an older version kept it. `timer` is the name of a timer that ran; then
    `number` is the number of the run. `counted` is its `sequence`, unless an older version kept it,
    which ran no timers. `numbers` are the numeric fields of a reading of which only a part is kept.
    """

    number: int
    time: str
    kind: OutcomeKind
    logicversion: int | None
    reading: bytes
    size: int
    results: Sequence[bytes] = ()
    failure: Failure | None = None
    logicprofile: str | None = None
    topic: str | None = None
    received: int | None = None
    timer: str | None = None
    counted: int | None = None
    numbers: dict[str, float] | None = None

    @property
    def sequence(self) -> int:
        """Its number if the machine's readings and its timers that ran are counted together."""
        return self.number if self.counted is None else self.counted

    @property
    def whole(self) -> bool:
        """Whether all bytes of the reading are kept."""
        return len(self.reading) == self.size


_encoder = msgspec.msgpack.Encoder()


def encode_kept(event: MachineEvent, time: str, active: Active | None) -> bytes:
    """Encode a reading or the run of a timer, with its outcome under the logic `active`, to be kept."""
    body, outcome = event.body, event.outcome
    return _encoder.encode(
        KeptReading(
            event.timer_run or event.number,
            time,
            outcome.kind,
            active.version if active else None,
            body if len(body) <= KEPT_BYTES else body[:KEPT_BYTES],
            len(body),
            _fitting(outcome.results),
            outcome.failure,
            active.profile if active else None,
            topic_of(event.key) if event.key is not None else None,
            event.received,
            event.run.name if event.run is not None else None,
            event.sequence,
            numbers_of(body) if len(body) > KEPT_BYTES else None,
        )
    )


def _fitting(results: list[bytes]) -> list[bytes]:
    if sum(map(len, results)) <= KEPT_BYTES:
        return results
    fitting, room = list[bytes](), KEPT_BYTES
    for result in results:
        fits = len(result) <= room
        room -= len(result) if fits else 0
        fitting.append(result if fits else b"")
    return fitting
