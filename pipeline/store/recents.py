"""The last readings of each machine in Redis, with their outcomes.

`machine:{<id>}:recent` is a list, oldest first, whose maximum length is the setting `recent`. The script that
writes the machine's record writes it too (`pipeline.store.records`), so the list has each reading once and in
order, like the state. Long values are kept in part: the beginning of a reading, and the results that fit.
"""

from collections.abc import Sequence
from typing import cast

import msgspec

from pipeline.model.recent import KeptReading
from pipeline.store.client import Client
from pipeline.store.keys import recent_key

_decoder = msgspec.msgpack.Decoder(KeptReading)


class RecentStore:
    """Reads the last readings. Safe to share between threads."""

    def __init__(self, client: Client) -> None:
        self._redis = client

    def read(self, machine_id: str, limit: int) -> list[KeptReading]:
        """Return a machine's last readings, at most `limit`, oldest first. Raises `RedisError`."""
        return self.read_all([machine_id], limit)[machine_id]

    def read_all(self, machine_ids: Sequence[str], limit: int) -> dict[str, list[KeptReading]]:
        """Return the last readings of many machines, in one round trip."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for machine_id in machine_ids:
                pipeline.lrange(recent_key(machine_id), -limit, -1)
            kept = cast("list[list[bytes]]", pipeline.execute())
        return {
            machine_id: [_decoder.decode(each) for each in values]
            for machine_id, values in zip(machine_ids, kept, strict=True)
        }
