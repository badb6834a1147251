"""What happens in the plant, announced while it happens to whoever listens: over Redis's pub/sub.

Nothing is kept here and nobody is waited for. Who must have every result consumes the exchange `results`.

There is a channel for each machine and one for all of them, each named with the number of the database, since
Redis's pub/sub does not know databases. Workers announce readings on the channels that somebody listens to
(`pipeline.announcer`), the API changes.
"""

import logging
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec
import redis
from msgspec import Struct

from pipeline.recents import Recent
from pipeline.result import now

#: Stands for all machines in the name of a channel.
ALL: Final = "*"

#: What can change: another version is in force (or none), a machine is paused or runs again, its profile, its
#: config or its state was set by somebody, its quarantine was lifted, or it was deleted.
What = Literal["version", "paused", "resumed", "profile", "config", "state", "released", "deleted"]

_logger = logging.getLogger(__name__)


class Change(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A change that somebody made over the API, to a machine or to a profile, at `time` (RFC 3339, UTC).

    `version` is the one that is in force now, where `what` is `version`; it is left out where there is none.
    `profile` is the machine's new one, where `what` is `profile`. `by` names whose token it was.
    """

    what: What
    time: str
    machine: str | None = None
    profile: str | None = None
    version: int | None = None
    by: str | None = None


class Announcement(Struct, frozen=True, array_like=True):
    """What goes over a channel at once: readings with their machines, and a change.

    `skipped` counts the readings that would belong between those before and these, and were left out because
    there were too many.
    """

    readings: Sequence[tuple[str, Recent]] = ()
    skipped: int = 0
    change: Change | None = None


class Events:
    """Announces what happens. Safe to share between threads."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client
        self._prefix = channel_prefix(client)
        self._encoder = msgspec.msgpack.Encoder()

    def changed(
        self,
        what: What,
        *,
        machine: str | None = None,
        profile: str | None = None,
        version: int | None = None,
        by: str | None = None,
    ) -> None:
        """Announce a change that was made just now, as `Change` describes it. Never fails: it is only news.

        To be called by whoever has changed something, after it is written.
        """
        change = Change(what=what, time=now(), machine=machine, profile=profile, version=version, by=by)
        message = self._encoder.encode(Announcement(change=change))
        try:
            for channel in (ALL, machine) if machine else (ALL,):
                self._redis.publish(self._prefix + channel, message)
        except redis.RedisError as e:
            _logger.warning("%s of %s cannot be announced: %s", what, machine or profile, e)


def channel_prefix(client: Any) -> str:
    """What the names of this client's channels begin with; behind it stands a machine's id, or `ALL`."""
    return f"events:{client.get_connection_kwargs().get('db') or 0}:"
