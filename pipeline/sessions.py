"""How far each session's readings are known to be settled, for the session that comes after it.

A reading that was acknowledged cannot come back, so nothing needs to be recognised by its mark. A session
that ends in an orderly way says so of all its readings, before another can take over: readings that it held
and had not begun with are then never taken for others with the same bytes. While it lives, it says so once a
second, so that after a crash only the marks of the last second count.

It may only be said of what the broker has answered for: an acknowledgement that was sent may be lost.
"""

from collections.abc import Collection, Mapping
from typing import Final, cast

import redis

#: Seconds for which it is remembered: a week. Without it, marks count as before; nothing is lost.
_EXPIRY_SECONDS: Final = 7 * 24 * 3600

#: Sessions of others that a worker remembers, which is some for each time a worker came or went.
_CACHED: Final = 10_000


def session_key(name: bytes) -> str:
    """The key of the highest tag of a session up to which all is settled."""
    return f"session:{name.hex()}"


class Sessions:
    """Notes and finds what is settled. Safe to share between threads. May raise `redis.RedisError`."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client
        self._cache: dict[bytes, int] = {}

    def note(self, settled: Mapping[bytes, int]) -> None:
        """Note of each session up to which tag the broker has answered that all is acknowledged."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for name, tag in settled.items():
                pipeline.set(session_key(name), tag, ex=_EXPIRY_SECONDS)
            pipeline.execute()

    def settled(self, names: Collection[bytes]) -> dict[bytes, int]:
        """Up to which tag each of these sessions, which have ended, is settled; 0 where nothing is known."""
        missing = [name for name in names if name not in self._cache]
        if missing:
            values = cast("list[bytes | None]", self._redis.mget([session_key(name) for name in missing]))
            if len(self._cache) > _CACHED:
                self._cache.clear()
            self._cache |= {name: int(value or 0) for name, value in zip(missing, values, strict=True)}
        return {name: self._cache[name] for name in names}
