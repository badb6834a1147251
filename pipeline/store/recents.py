"""The last readings of each machine in Redis, with what became of them.

`machine:{<id>}:recent` is a list, the oldest first, of as many as the setting `recent` says. It is written by
the same script as the machine's record (`pipeline.store.records`), so it has each reading once, in order, as
the state has. What is long is kept in part: the beginning of a reading, and those of its results that fit.
"""

from collections.abc import Sequence
from typing import cast

import msgspec
import redis

from pipeline.model.recent import KeptReading
from pipeline.store.keys import recent_key

_decoder = msgspec.msgpack.Decoder(KeptReading)


class RecentStore:
    """Reads what is kept. Safe to share between threads."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client

    def read(self, machine_id: str, limit: int) -> list[KeptReading]:
        """A machine's last readings, `limit` at the most, the oldest first. Raises `redis.RedisError`."""
        return self.read_all([machine_id], limit)[machine_id]

    def read_all(self, machine_ids: Sequence[str], limit: int) -> dict[str, list[KeptReading]]:
        """The same for many machines, in one round trip."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for machine_id in machine_ids:
                pipeline.lrange(recent_key(machine_id), -limit, -1)
            kept = cast("list[list[bytes]]", pipeline.execute())
        return {
            machine_id: [_decoder.decode(each) for each in values]
            for machine_id, values in zip(machine_ids, kept, strict=True)
        }
