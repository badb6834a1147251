"""The logs of API and workers: JSON, one line an event, or text on a terminal or if it is set.

A line about a reading has the reading's id in the field `reading`: `<machine>/<number>`, the same as the id
of its dead letter. A line about a machine has the field `machine`. The caller passes both as `extra`. Any
other line written while a batch is processed has the number of its `readings`, the ids of the `first` and the
`last` one, and at level debug the `ids` of many (`about`). Within a span, a line has its `trace_id` and
`span_id` (`pipeline.telemetry.tracing`).

Log messages may contain text that others have sent. In JSON it is ASCII, and on a terminal unprintable
characters are escaped.
"""

import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, Protocol

from pipeline.clock import rfc3339
from pipeline.settings import Format, Level
from pipeline.telemetry import tracing

#: The optional fields of a line, besides those that every line has.
FIELDS: Final = ("reading", "machine")

#: Maximum ids in a line that lists them.
_LISTED: Final = 100

_STANDARD_ERROR: Final = 2


class Describe(Protocol):
    """Returns the fields that say what a line is about. `listed` is the maximum number of ids."""

    def __call__(self, *, listed: int) -> dict[str, Any]:
        """Return the fields."""


#: The subject that this thread is processing.
_subject: ContextVar[Describe | None] = ContextVar("subject", default=None)


@contextmanager
def about(describe: Describe) -> Iterator[None]:
    """Add the subject's fields to every line that this thread writes within the block."""
    token = _subject.set(describe)
    try:
        yield
    finally:
        _subject.reset(token)


def many(ids: Sequence[str], listed: int) -> dict[str, Any]:
    """Return the fields of a line about many readings: their number, the first, the last, `listed` ids."""
    fields = {"readings": len(ids), "first": ids[0], "last": ids[-1]}
    return fields | {"ids": list(ids[:listed])} if listed else fields


class JsonFormatter(logging.Formatter):
    """Writes a JSON object a line.

    It has the time (RFC 3339, UTC), level, logger, message, process, thread, and the subject of the line; and
    `exception` with its traceback if there was one.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        time = rfc3339(record.created)
        line: dict[str, Any] = {
            "time": time,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
            "thread": record.threadName,
        }
        line |= _about(record)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


class TextFormatter(logging.Formatter):
    """Writes a text line for people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """Return the line without a traceback."""
        about = "".join(f" {name}={value}" for name, value in _about(record).items())
        line = super().formatMessage(record) + about
        return "".join(each if each.isprintable() else repr(each)[1:-1] for each in line)


def _about(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = {name: str(getattr(record, name)) for name in FIELDS if hasattr(record, name)}
    if "reading" not in fields and (describe := _subject.get()) is not None:
        fields |= describe(listed=_LISTED if logging.getLogger().isEnabledFor(logging.DEBUG) else 0)
    return fields | tracing.ids()


def configure(level: Level, form: Format) -> None:
    """Make all loggers of this process write to standard error, from `level` on."""
    handler = logging.StreamHandler(sys.stderr)
    # A worker's standard error is a pipe to its parent, which copies it to its own standard error.
    for_people = os.isatty(_STANDARD_ERROR) if form == "auto" else form == "text"
    handler.setFormatter(TextFormatter() if for_people else JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
