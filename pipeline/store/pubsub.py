"""Live events of the plant, announced to subscribers over Redis's pub/sub.

Events are not stored, and nothing waits for a subscriber. A consumer that must get every result uses the
exchange `results`.

There is a channel for each machine and one for all machines. Channel names contain the number of the
database, because Redis's pub/sub ignores databases. Workers announce readings on the channels that have
subscribers (`pipeline.worker.announcer`). The API announces changes.
"""

import logging
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from pipeline.model.recent import KeptReading
from pipeline.store.client import Client, RedisError

#: Stands for all machines in the name of a channel.
ALL: Final = "*"

#: Seconds between two polls for subscribers. A new subscriber gets readings after at most this time.
SUBSCRIBERS_SECONDS: Final = 0.25

_logger = logging.getLogger(__name__)


class ChangeEvent(Struct, frozen=True, kw_only=True):
    """A change that somebody made over the API, at `time` (RFC 3339, UTC).

    `what` is the action as the audit trail names it, `target` the changed object, and `machine` the machine
    that it belongs to. `before` and `after` are the old and the new value: versions, ETags, numbers of
    letters.
    """

    what: str
    time: str
    target: str
    machine: str | None = None
    before: Any = None
    after: Any = None


class Announcement(Struct, frozen=True, array_like=True):
    """One message on a channel: readings with their machines, and a change.

    `skipped` counts the readings that were left out between the previous message and this one, because there
    were too many.
    """

    readings: Sequence[tuple[str, KeptReading]] = ()
    skipped: int = 0
    change: ChangeEvent | None = None


class Events:
    """Announces changes. Safe to share between threads."""

    def __init__(self, client: Client) -> None:
        self._redis = client
        self._prefix = channel_prefix(client)
        self._encoder = msgspec.msgpack.Encoder()

    def changed(self, change: ChangeEvent) -> None:
        """Announce a change that was just made. This never raises an error, because events are only news."""
        message = self._encoder.encode(Announcement(change=change))
        try:
            for channel in (ALL, change.machine) if change.machine else (ALL,):
                self._redis.publish(self._prefix + channel, message)
        except RedisError as e:
            _logger.warning("no live event for %s of %s: %s", change.what, change.target, e)


def channel_prefix(client: Any) -> str:
    """Return the prefix of this client's channel names. A machine's id, or `ALL`, follows it."""
    return f"events:{client.get_connection_kwargs().get('db') or 0}:"
