"""What API and workers log: JSON, a line an event, where it is not a terminal that they write to.

A line that concerns a reading has its id in the field `reading`: `<machine>/<number>`, as its dead letter is
known by. One about a machine has `machine`. Whoever logs gives them as `extra`. What is logged may hold
what others have sent: in JSON it is ASCII, and on a terminal what cannot be printed is written out.
"""

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any, Final, Literal

#: What may be set as `log_level`.
Level = Literal["debug", "info", "warning", "error"]

#: The fields that a line can have beside those that all have.
FIELDS: Final = ("reading", "machine")

_STANDARD_ERROR: Final = 2


class JsonFormatter(logging.Formatter):
    """A JSON object a line: time (RFC 3339, UTC), level, logger, message, process, thread, and what it is
    about; `exception` with its traceback, where there was one."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
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


def _about(record: logging.LogRecord) -> dict[str, str]:
    return {name: str(getattr(record, name)) for name in FIELDS if hasattr(record, name)}


def configure(level: Level) -> None:
    """Have all loggers of this process write to standard error, from `level` on."""
    handler = logging.StreamHandler(sys.stderr)
    # A worker's standard error is a pipe to its parent, which writes what comes to its own.
    handler.setFormatter(TextFormatter() if os.isatty(_STANDARD_ERROR) else JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
