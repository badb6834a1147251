"""The audit trail: a record of each change, in a Redis stream of bounded length.

The API writes an entry after the change and before the response, so every change with a successful response
is in the trail. If the process was killed between the change and the entry, the change is missing. If Redis
refused the entry, the response was 503.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, cast

import msgspec
from msgspec import Struct

from pipeline.clock import now, rfc3339
from pipeline.settings import Settings
from pipeline.store import pubsub as announced
from pipeline.store.client import Client
from pipeline.store.keys import AUDIT_KEY
from pipeline.store.pubsub import Events

#: The author of a change over REST if no token was needed. No token can have this name.
UNNAMED: Final = "(no token)"

_ID: Final = re.compile("[0-9]{1,15}-[0-9]{1,15}")
_FIELD: Final = b"change"

#: Entries that are read at once.
_CHUNK: Final = 1_000


class AuditEntry(Struct, kw_only=True):
    """A change in the audit trail.

    `id` is its position in the trail, and `time` is when it was made (RFC 3339, UTC). `who` is the name of
    the token, or the access path in parentheses if there was no token. `target` is the changed object, and
    `machine` the machine that it belongs to. `before` and `after` are the old and the new value: versions,
    ETags of states, numbers of dead letters.
    """

    id: str
    time: str
    who: str
    action: str
    target: str
    machine: str | None
    before: Any
    after: Any


class _Kept(Struct, omit_defaults=True):
    who: str
    action: str
    target: str
    machine: str | None = None
    before: Any = None
    after: Any = None


class AuditTrail:
    """Writes and reads the trail. Safe to share between threads. All methods raise `RedisError`."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._redis, self._max = client, settings.audit_max

    def write(
        self,
        who: str,
        action: str,
        target: str,
        *,
        machine: str | None = None,
        before: Any = None,
        after: Any = None,
    ) -> None:
        """Write an entry for a change. `before` and `after` are JSON values."""
        kept = msgspec.json.encode(_Kept(who, action, target, machine, before, after))
        self._redis.xadd(AUDIT_KEY, {_FIELD: kept}, maxlen=self._max, approximate=False)

    def read(
        self, before: str = "", *, machine: str | None = None, who: str | None = None
    ) -> Iterator[AuditEntry]:
        """Yield the changes that match all filters, newest first, starting before the entry `before`.

        Raises `ValueError` if `before` is not a valid id.
        """
        if before and not _ID.fullmatch(before):
            raise ValueError(f"{before!r} is not a valid cursor")
        if before and not before.strip("0-"):
            # There is nothing before 0-0, but Redis does not answer with an empty list.
            return
        last = f"({before}" if before else "+"
        while True:
            entries = cast(
                "list[tuple[bytes, dict[bytes, bytes]]]",
                self._redis.xrevrange(AUDIT_KEY, last, "-", count=_CHUNK),
            )
            for entry_id, fields in entries:
                kept = msgspec.json.decode(fields[_FIELD], type=_Kept)
                if (machine is None or kept.machine == machine) and (who is None or kept.who == who):
                    yield _change(entry_id.decode(), kept)
            if len(entries) < _CHUNK:
                return
            last = f"({entries[-1][0].decode()}"


class Audit:
    """The trail for one request, with the author of the request. Handlers that change something use it.

    Each entry is also announced as an event, without its author: viewers may read events but not the trail.
    """

    def __init__(self, trail: AuditTrail, events: Events, who: str) -> None:
        self._trail, self._events, self._who = trail, events, who

    @property
    def author(self) -> str:
        """The author's name for a new version; empty if no token was needed."""
        return "" if self._who == UNNAMED else self._who

    def record(
        self,
        action: str,
        target: str,
        *,
        machine: str | None = None,
        before: Any = None,
        after: Any = None,
    ) -> None:
        """Write an entry for a change and announce it. The arguments are those of `AuditTrail.write`."""
        self._trail.write(self._who, action, target, machine=machine, before=before, after=after)
        if action.startswith("notification-route."):
            # Viewers may not read to whom alarms are told.
            before = after = None
        if not action.startswith("token."):
            self._events.changed(
                announced.ChangeEvent(
                    what=action, time=now(), target=target, machine=machine, before=before, after=after
                )
            )


def _change(entry_id: str, kept: _Kept) -> AuditEntry:
    milliseconds = int(entry_id.partition("-")[0])
    return AuditEntry(
        id=entry_id,
        time=rfc3339(milliseconds / 1000),
        who=kept.who,
        action=kept.action,
        target=kept.target,
        machine=kept.machine,
        before=kept.before,
        after=kept.after,
    )
