"""One of a machine's last readings, as it is kept for people to look at."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from pipeline.model.deployment import Active
from pipeline.model.reading import Reading
from sandbox.job import Failure, Outcome, OutcomeKind

#: Bytes that are kept of one reading, and of all its results together. A telegram of a machine is shorter; of
#: one that is not, its beginning tells enough, and twenty of them for each machine must fit in memory.
KEPT_BYTES: Final = 4096


class KeptReading(Struct, frozen=True, array_like=True):
    """A reading that was processed: its running number, when (RFC 3339, UTC), and the outcome.

    `reading` has its bytes, or the first `KEPT_BYTES` of `size`. `results` are JSON objects; one that did
    not fit is empty. `failure` is there where `kind` is not `ok`; the reading is a dead letter then.
    `logicprofile` is the profile whose version was run, where it was not the machine's own.
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

    @property
    def whole(self) -> bool:
        """Whether all of the reading is there."""
        return len(self.reading) == self.size


_encoder = msgspec.msgpack.Encoder()


def encode_kept(reading: Reading, outcome: Outcome, number: int, time: str, active: Active | None) -> bytes:
    """A reading and its outcome under the logic `active`, as they are kept."""
    body = reading.body
    return _encoder.encode(
        KeptReading(
            number,
            time,
            outcome.kind,
            active.version if active else None,
            body if len(body) <= KEPT_BYTES else body[:KEPT_BYTES],
            len(body),
            _fitting(outcome.results),
            outcome.failure,
            active.profile if active else None,
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
