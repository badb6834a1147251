"""The last readings of each machine in Redis, with what became of them.

`machine:{<id>}:recent` is a list, the oldest first, of as many as the setting `recent` says. It is written by
the same script as the machine's record (`pipeline.records`), so it has each reading once, in order, as the
state has. What is long is kept in part: the beginning of a reading, and those of its results that fit.
"""

from collections.abc import Sequence
from typing import Final, cast

import msgspec
import redis
from msgspec import Struct

from pipeline.reading import Reading
from pipeline.setup import Active
from sandbox.job import Failure, Outcome, OutcomeKind

#: Bytes that are kept of one reading, and of all its results together. A telegram of a machine is shorter; of
#: one that is not, its beginning tells enough, and twenty of them for each machine must fit in memory.
KEPT_BYTES: Final = 4096


class Recent(Struct, frozen=True, array_like=True):
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
_decoder = msgspec.msgpack.Decoder(Recent)


def recent_key(machine_id: str) -> str:
    """The key of a machine's last readings."""
    return f"machine:{{{machine_id}}}:recent"


def encode_recent(reading: Reading, outcome: Outcome, number: int, time: str, active: Active | None) -> bytes:
    """A reading and its outcome under the logic `active`, as they are kept."""
    body = reading.body
    return _encoder.encode(
        Recent(
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


class Recents:
    """Reads what is kept. Safe to share between threads."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client

    def read(self, machine_id: str, limit: int) -> list[Recent]:
        """A machine's last readings, `limit` at the most, the oldest first. Raises `redis.RedisError`."""
        return self.read_all([machine_id], limit)[machine_id]

    def read_all(self, machine_ids: Sequence[str], limit: int) -> dict[str, list[Recent]]:
        """The same for many machines, in one round trip."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for machine_id in machine_ids:
                pipeline.lrange(recent_key(machine_id), -limit, -1)
            kept = cast("list[list[bytes]]", pipeline.execute())
        return {
            machine_id: [_decoder.decode(each) for each in values]
            for machine_id, values in zip(machine_ids, kept, strict=True)
        }
