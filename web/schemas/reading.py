"""A reading that was processed, as clients see it: in the lists of the last ones, and in the live events."""

from base64 import b64encode
from typing import Any, Literal

import msgspec
from msgspec import Struct

from pipeline.broker.result import event_ids
from pipeline.model.recent import KeptReading
from sandbox.job import OutcomeKind

#: How a reading stands in JSON: as the JSON value that it is, else as text, or its bytes in base64.
Encoding = Literal["json", "text", "base64"]


class ReadingError(Struct):
    """Why a reading failed. `line` is the logic's line, where there is one, and `text` what stands there.

    `limit` names the limit that was exceeded.
    """

    message: str
    line: int | None
    text: str
    limit: str | None


class RecentReading(Struct):
    """A reading that was processed, at `time` (RFC 3339, UTC), and what became of it.

    `number` counts the machine's readings. `outcome` is `ok`, or of which kind the dead letter is that it
    became; `error` says why then, and is null else. `logicversion` is null where there was no logic.

    `reading` is the JSON value; where it is none, or is so long (`bytes`) that only its beginning is kept and
    `whole` is false, it is a text, and where it is no text either, base64. A result that is too long to be
    kept is null.
    """

    machine: str
    number: int
    time: str
    outcome: OutcomeKind
    logicversion: int | None
    bytes: int
    whole: bool
    encoding: Encoding
    reading: Any
    results: list[Any]
    error: ReadingError | None


class RecentResult(Struct):
    """A result: its `id` as it was published, and `data`, what `process` returned.

    `number` is that of its reading. `data` is null where it is too long to be kept.
    """

    machine: str
    id: str
    number: int
    time: str
    logicversion: int | None
    data: Any


def shown(machine_id: str, recent: KeptReading) -> RecentReading:
    """A reading as clients see it."""
    encoding, value = _value(recent)
    failure = recent.failure
    return RecentReading(
        machine=machine_id,
        number=recent.number,
        time=recent.time,
        outcome=recent.kind,
        logicversion=recent.logicversion,
        bytes=recent.size,
        whole=recent.whole,
        encoding=encoding,
        reading=value,
        results=[shown_result(each) for each in recent.results],
        error=ReadingError(failure.message, failure.line, failure.text, failure.limit) if failure else None,
    )


def event_of(machine_id: str, recent: KeptReading) -> tuple[str, bytes]:
    """A reading's live event, and its data."""
    return "reading" if recent.kind == "ok" else "dead-letter", _encode(shown(machine_id, recent))


def shown_result(data: bytes) -> msgspec.Raw | None:
    """A result, or None for one that was too long to be kept."""
    return msgspec.Raw(data) if data else None


def shown_results(machine_id: str, recent: KeptReading) -> list[RecentResult]:
    """The results of a reading, as they were published."""
    ids = event_ids(recent.number, list(recent.results))
    return [
        RecentResult(
            machine_id, event_id, recent.number, recent.time, recent.logicversion, shown_result(data)
        )
        for event_id, data in zip(ids, recent.results, strict=True)
    ]


def _value(recent: KeptReading) -> tuple[Encoding, Any]:
    body = recent.reading
    if recent.whole and _is_json(body):
        return "json", msgspec.Raw(body)
    try:
        return "text", body.decode()
    except UnicodeDecodeError as e:
        if not recent.whole and e.start >= len(body) - 3:
            return "text", body[: e.start].decode()  # It was cut within a character.
        return "base64", b64encode(body).decode()


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


_encode = msgspec.json.Encoder().encode
