"""The audit trail: a record of each change, in a Redis stream of bounded length.

It is written after the change and before its answer, so what was answered with success is in it. A change
whose process was killed in this moment is not; one whose record Redis refused was answered with 503.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, cast

import msgspec
import redis
from msgspec import Struct

from pipeline.clock import now, rfc3339
from pipeline.settings import Settings
from pipeline.store import pubsub as announced
from pipeline.store.pubsub import Events

#: Who made a change over REST where no token was needed. No token has such a name.
UNNAMED: Final = "(no token)"

_STREAM: Final = "audit"
_ID: Final = re.compile("[0-9]{1,15}-[0-9]{1,15}")
_FIELD: Final = b"change"

#: Records that are read at a time.
_CHUNK: Final = 1_000


class AuditEntry(Struct, kw_only=True):
    """A change in the audit trail.

    `id` is its position in the trail, `time` when it was made (RFC 3339, UTC). `who` is the name of the
    token; without a token it is the access path, in parentheses. `target` is what was changed, and `machine`
    the machine that it belongs to. `before` and `after` are the old and the new value: versions, ETags of
    states, numbers of dead letters.
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
    """Writes and reads the trail. Safe to share between threads. All raise `redis.RedisError`."""

    def __init__(self, client: "redis.Redis", settings: Settings) -> None:
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
        """Write down a change. `before` and `after` are JSON values."""
        kept = msgspec.json.encode(_Kept(who, action, target, machine, before, after))
        self._redis.xadd(_STREAM, {_FIELD: kept}, maxlen=self._max, approximate=False)

    def read(
        self, before: str = "", *, machine: str | None = None, who: str | None = None
    ) -> Iterator[AuditEntry]:
        """The changes that fit all that is given, the newest first, from the one before `before` on.

        Raises `ValueError` where `before` is the id of none.
        """
        if before and not _ID.fullmatch(before):
            raise ValueError(f"{before!r} is not a valid cursor")
        if before and not before.strip("0-"):
            # Redis knows nothing before 0-0, and does not answer that it is nothing.
            return
        last = f"({before}" if before else "+"
        while True:
            entries = cast(
                "list[tuple[bytes, dict[bytes, bytes]]]",
                self._redis.xrevrange(_STREAM, last, "-", count=_CHUNK),
            )
            for entry_id, fields in entries:
                kept = msgspec.json.decode(fields[_FIELD], type=_Kept)
                if (machine is None or kept.machine == machine) and (who is None or kept.who == who):
                    yield _change(entry_id.decode(), kept)
            if len(entries) < _CHUNK:
                return
            last = f"({entries[-1][0].decode()}"


class Audit:
    """The trail for one request: it knows who sends it. A handler that changes something asks for it.

    What is recorded is announced as an event too, without who it was: viewers read events, and not the trail.
    """

    def __init__(self, trail: AuditTrail, events: Events, who: str) -> None:
        self._trail, self._events, self._who = trail, events, who

    @property
    def author(self) -> str:
        """Whose name a version that he makes gets: empty where nobody had to say who he is."""
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
        """Write down that this was changed; as `AuditTrail.write`."""
        self._trail.write(self._who, action, target, machine=machine, before=before, after=after)
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
