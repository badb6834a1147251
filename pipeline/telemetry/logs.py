"""What API and workers log: JSON, a line an event, where they do not write to a terminal or it is set so.

A line that concerns a reading has its id in the field `reading`: `<machine>/<number>`, as its dead letter is
known by. One about a machine has `machine`. Whoever logs gives them as `extra`. Any other line that is
written while a batch is worked on says how many `readings` it has, the ids of the `first` and the `last`, and
with debug the `ids` of many (`about`). Within a span a line has its `trace_id` and `span_id`
(`pipeline.telemetry.tracing`).

What is logged may hold what others have sent: in JSON it is ASCII, and on a terminal what cannot be printed
is written out.
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

#: The fields that a line can have beside those that all have.
FIELDS: Final = ("reading", "machine")

#: Ids that a line lists at the most, where it lists them.
_LISTED: Final = 100

_STANDARD_ERROR: Final = 2


class Describe(Protocol):
    """Says what a line is about, as fields. `listed` is how many ids it may list."""

    def __call__(self, *, listed: int) -> dict[str, Any]:
        """The fields."""


#: What is worked on here, in this thread.
_subject: ContextVar[Describe | None] = ContextVar("subject", default=None)


@contextmanager
def about(describe: Describe) -> Iterator[None]:
    """Have every line that this thread writes within the block say what it is about."""
    token = _subject.set(describe)
    try:
        yield
    finally:
        _subject.reset(token)


def many(ids: Sequence[str], listed: int) -> dict[str, Any]:
    """The fields of a line about many readings: how many there are, the first, the last, and `listed` ids."""
    fields = {"readings": len(ids), "first": ids[0], "last": ids[-1]}
    return fields | {"ids": list(ids[:listed])} if listed else fields


class JsonFormatter(logging.Formatter):
    """A JSON object a line: time (RFC 3339, UTC), level, logger, message, process, thread, and what it is
    about; `exception` with its traceback, where there was one."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
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
    """A line for people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """The line without a traceback."""
        about = "".join(f" {name}={value}" for name, value in _about(record).items())
        line = super().formatMessage(record) + about
        return "".join(each if each.isprintable() else repr(each)[1:-1] for each in line)


def _about(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = {name: str(getattr(record, name)) for name in FIELDS if hasattr(record, name)}
    if "reading" not in fields and (describe := _subject.get()) is not None:
        fields |= describe(listed=_LISTED if logging.getLogger().isEnabledFor(logging.DEBUG) else 0)
    return fields | tracing.ids()


def configure(level: Level, form: Format) -> None:
    """Have all loggers of this process write to standard error, from `level` on."""
    handler = logging.StreamHandler(sys.stderr)
    # A worker's standard error is a pipe to its parent, which writes what comes to its own.
    for_people = os.isatty(_STANDARD_ERROR) if form == "auto" else form == "text"
    handler.setFormatter(TextFormatter() if for_people else JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
