"""The content of a line of the log."""

import json
import logging
import os
import sys

import pytest

from pipeline.model.reading import Reading
from pipeline.model.session import Fence
from pipeline.settings import Format
from pipeline.telemetry.logs import JsonFormatter, TextFormatter, about, configure
from pipeline.worker.batch import Batch, Share
from tests.support.batch_driver import StubSession


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


def test_a_line_contains_the_raised_error() -> None:
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


def test_a_line_logged_during_a_batch_names_the_readings_of_the_batch() -> None:
    batch = Batch(
        [
            Share(
                StubSession(Fence(0, b"session1")),
                [reading(1, "an id\x1b"), reading(2), reading(3, number=17)],
            )
        ]
    )
    with about(batch.about):
        said = json.loads(JsonFormatter().format(record("Redis does not answer")))
        of_one = json.loads(JsonFormatter().format(record("it has failed", reading="press-7/12")))
    after = json.loads(JsonFormatter().format(record("nothing")))

    assert (
        said.items()
        >= {
            "readings": 3,
            "first": "press-7/message_id:an id\x1b",
            "last": "press-7/17",
        }.items()
    )
    assert "ids" not in said
    assert not {"readings", "first"} & (of_one.keys() | after.keys())


def test_with_debug_a_line_lists_a_limited_number_of_readings_of_its_batch() -> None:
    batch = Batch([Share(StubSession(Fence(0, b"session1")), [reading(tag) for tag in range(1, 251)])])
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    try:
        with about(batch.about):
            said = json.loads(JsonFormatter().format(record("the batch is written")))
    finally:
        root.setLevel(level)

    assert said["readings"] == 250
    assert said["ids"] == [f"press-7/tag:{tag}" for tag in range(1, 101)]


def reading(tag: int, message_id: str | None = None, number: int | None = None) -> Reading:
    return Reading("press-7", "machines.press-7.data", b"1", tag, False, message_id, None, number=number)


@pytest.mark.parametrize(
    ("form", "terminal", "formatter"),
    [
        ("auto", True, TextFormatter),
        ("auto", False, JsonFormatter),
        ("text", False, TextFormatter),
        ("json", True, JsonFormatter),
    ],
)
def test_it_logs_for_people_on_a_terminal_or_as_the_setting_says(
    monkeypatch: pytest.MonkeyPatch, form: Format, terminal: bool, formatter: type[logging.Formatter]
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(os, "isatty", lambda _: terminal)
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)

    configure("info", form)

    assert [type(each.formatter) for each in root.handlers] == [formatter]
