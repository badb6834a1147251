"""What a line of the log says."""

import json
import logging
import sys

from pipeline.logs import JsonFormatter, TextFormatter


def record(message: str, **extra: str) -> logging.LogRecord:
    return logging.getLogger("pipeline.test").makeRecord(
        "pipeline.test", logging.WARNING, __file__, 1, message, (), None, extra=extra
    )


def test_a_line_is_one_json_object_that_names_the_reading() -> None:
    line = JsonFormatter().format(record("it has\nfailed \x1b[1m", reading="press-7/12", machine="press-7"))

    assert line.isascii()
    assert "\n" not in line
    said = json.loads(line)
    assert said.keys() >= {"time", "process", "thread"}
    assert (said["level"], said["logger"], said["message"]) == (
        "warning",
        "pipeline.test",
        "it has\nfailed \x1b[1m",
    )
    assert (said["reading"], said["machine"]) == ("press-7/12", "press-7")


def test_a_line_says_what_was_raised() -> None:
    failed = record("it has failed")
    try:
        raise ValueError("the cause")
    except ValueError:
        failed.exc_info = sys.exc_info()

    assert "ValueError: the cause" in json.loads(JsonFormatter().format(failed))["exception"]
    assert TextFormatter().format(failed).endswith("ValueError: the cause")


def test_nothing_forges_a_line_on_a_terminal() -> None:
    line = TextFormatter().format(record("one\nanother \x1b[2J", reading="press-7/12"))

    assert line.endswith(r"WARNING pipeline.test: one\nanother \x1b[2J reading=press-7/12")
