"""A processed reading as clients see it: in the lists of recent readings, and in the live events."""

from base64 import b64encode
from typing import Any, Literal

import msgspec
from msgspec import Struct

from pipeline.broker.result import event_ids
from pipeline.clock import rfc3339
from pipeline.model.machine_settings import NO_SETTINGS, MachineSettings
from pipeline.model.recent import KeptReading
from pipeline.model.timer import name_of
from pipeline.trials.written import written_reading
from sandbox.job import OutcomeKind

#: The form of a reading in JSON: as its JSON value, as text, or as base64.
Encoding = Literal["json", "text", "base64"]


class ReadingError(Struct):
    """The error of a reading. `line` is the line number in the logic, if there is one, and `text` that line.

    `limit` names the exceeded limit.
    """

    message: str
    line: int | None
    text: str
    limit: str | None


class RecentReading(Struct):
    """A processed reading with its outcome.

    `time` is when it was processed, and `received` when the system received it (both RFC 3339, UTC); null if
    an older version processed it.

    `number` is the running number of the machine's readings. If it is no reading but a timer that ran,
    `timer` is its name, and `number` the running number of the machine's timers that ran. `sequence` counts
    both together: it is the cursor of lists, and a `Last-Event-ID` of live events. `outcome` is `ok`,
    or the kind of the dead letter; then `error` says why the reading failed. `logicversion` is null if there
    was no logic.

    `reading` is the JSON value. If the reading is not JSON, or is too long to be stored whole (`whole` is
    false), it is a text, or base64 if it is not text. `bytes` is the size of the reading. A result that is
    too long to be stored is null. `topic` is the MQTT topic, null if it is `machines/<id>/data`.
    `written` is the reading as a trial of this machine takes it, if its settings name another format than
    JSON: a text, or its bytes in hex. It is null for JSON, in live events, and if the reading is not whole.
    `numbers` are the numeric fields of a JSON reading that is not whole, by their paths, such as `motor.rpm`:
    at most 60. It is null if the reading is whole.
    """

    machine: str
    number: int
    sequence: int
    time: str
    received: str | None
    timer: str | None
    topic: str | None
    outcome: OutcomeKind
    logicversion: int | None
    bytes: int
    whole: bool
    encoding: Encoding
    reading: Any
    results: list[Any]
    error: ReadingError | None
    written: str | None
    numbers: dict[str, float] | None


class RecentResult(Struct):
    """A published result: its event `id`, and `data`, the object that `process` returned.

    `number` is the number of the reading, or of the timer that ran if the `id` begins with `timer-`. `data`
    is null if it is too long to be stored.
    """

    machine: str
    id: str
    number: int
    time: str
    logicversion: int | None
    data: Any


def shown(machine_id: str, recent: KeptReading, settings: MachineSettings = NO_SETTINGS) -> RecentReading:
    """Return a reading of a machine with these settings as clients see it."""
    encoding, value = _value(recent)
    failure = recent.failure
    return RecentReading(
        machine=machine_id,
        number=recent.number,
        sequence=recent.sequence,
        time=recent.time,
        received=rfc3339(recent.received / 1000) if recent.received is not None else None,
        timer=recent.timer,
        topic=recent.topic,
        outcome=recent.kind,
        logicversion=recent.logicversion,
        bytes=recent.size,
        whole=recent.whole,
        encoding=encoding,
        reading=value,
        results=[shown_result(each) for each in recent.results],
        error=ReadingError(failure.message, failure.line, failure.text, failure.limit) if failure else None,
        written=written_reading(recent.reading, settings) if recent.whole and recent.timer is None else None,
        numbers=recent.numbers,
    )


def event_of(machine_id: str, recent: KeptReading) -> tuple[str, bytes]:
    """Return the name and the data of a reading's live event."""
    return "reading" if recent.kind == "ok" else "dead-letter", _encode(shown(machine_id, recent))


def shown_result(data: bytes) -> msgspec.Raw | None:
    """Return a result, or None if it was too long to be stored."""
    return msgspec.Raw(data) if data else None


def shown_results(machine_id: str, recent: KeptReading) -> list[RecentResult]:
    """Return the results of a reading, in the form in which they were published."""
    name = str(recent.number) if recent.timer is None else name_of(recent.number)
    ids = event_ids(name, recent.results)
    return [
        RecentResult(
            machine_id, event_id, recent.number, recent.time, recent.logicversion, shown_result(data)
        )
        for event_id, data in zip(ids, recent.results, strict=True)
    ]


def _value(recent: KeptReading) -> tuple[Encoding, Any]:
    body = recent.reading
    if recent.whole and is_json(body):
        return "json", msgspec.Raw(body)
    try:
        return "text", body.decode()
    except UnicodeDecodeError as e:
        if not recent.whole and e.start >= len(body) - 3:
            return "text", body[: e.start].decode()  # it was cut within a character
        return "base64", b64encode(body).decode()


def is_json(body: bytes) -> bool:
    """Return whether the bytes are one JSON value."""
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


_encode = msgspec.json.Encoder().encode
