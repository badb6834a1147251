"""What happens in the plant, announced while it happens to whoever listens: over Redis's pub/sub.

Nothing is kept here and nobody is waited for. Who must have every result consumes the exchange `results`.

There is a channel for each machine and one for all of them, each named with the number of the database, since
Redis's pub/sub does not know databases. Workers announce readings on the channels that somebody listens to
(`pipeline.worker.announcer`), the API changes.
"""

import logging
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import redis
from msgspec import Struct

from pipeline.model.recent import KeptReading

#: Stands for all machines in the name of a channel.
ALL: Final = "*"

#: Seconds between two looks at who subscribes: so long it takes until a new subscriber hears of readings.
SUBSCRIBERS_SECONDS: Final = 0.25

_logger = logging.getLogger(__name__)


class ChangeEvent(Struct, frozen=True, kw_only=True):
    """A change that somebody made over the API, at `time` (RFC 3339, UTC).

    `what` is the action as the audit trail names it, `target` what was changed, and `machine` the machine
    that it belongs to. `before` and `after` say from what to what: versions, ETags, numbers of letters.
    """

    what: str
    time: str
    target: str
    machine: str | None = None
    before: Any = None
    after: Any = None


class Announcement(Struct, frozen=True, array_like=True):
    """What goes over a channel at once: readings with their machines, and a change.

    `skipped` counts the readings that would belong between those before and these, and were left out because
    there were too many.
    """

    readings: Sequence[tuple[str, KeptReading]] = ()
    skipped: int = 0
    change: ChangeEvent | None = None


class Events:
    """Announces what happens. Safe to share between threads."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client
        self._prefix = channel_prefix(client)
        self._encoder = msgspec.msgpack.Encoder()

    def changed(self, change: ChangeEvent) -> None:
        """Announce a change that was made just now. Never fails: it is only news."""
        message = self._encoder.encode(Announcement(change=change))
        try:
            for channel in (ALL, change.machine) if change.machine else (ALL,):
                self._redis.publish(self._prefix + channel, message)
        except redis.RedisError as e:
            _logger.warning("no live event for %s of %s: %s", change.what, change.target, e)


def channel_prefix(client: Any) -> str:
    """What the names of this client's channels begin with; behind it stands a machine's id, or `ALL`."""
    return f"events:{client.get_connection_kwargs().get('db') or 0}:"
