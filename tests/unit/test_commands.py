"""The input and the output of the `iot-logic` commands."""

import argparse
import sys
from datetime import UTC, datetime, timedelta

import pytest

from web.cli.commands import screen
from web.cli.commands.events import Event, events
from web.cli.commands.moments import moment
from web.cli.commands.screen import Screen, plain

STREAM = b"""retry: 1000

:

id: 7
event: reading
data: {"n":
data:1}
unknown: x

event: empty

data: alone
id

data: without an end"""


def test_events_are_parsed_as_the_standard_requires() -> None:
    assert list(events(STREAM.splitlines(keepends=True))) == [
        Event("7", "reading", '{"n":\n1}'),
        Event("", "message", "alone"),
    ]


def test_every_character_that_could_control_a_terminal_is_escaped() -> None:
    shown = plain("".join(map(chr, range(sys.maxunicode + 1))))

    assert shown.isprintable()
    assert "\\x1b" in shown
    assert "\\u202e" in shown
    assert plain("Preß 7\tβ→日本") == "Preß 7    β→日本"


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_screen_that_does_not_escape_them_is_detected(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, forgotten: bool
) -> None:
    if forgotten:
        monkeypatch.setattr(screen, "plain", str)
    shown = Screen(json=False)

    shown.say("a", ("\x1b[31m[bold]b", "red"))
    shown.table(("c",), [("\x1b]0;d\x07",)])
    shown.note("\x9be")

    written = "".join(capsys.readouterr())
    assert ("\x1b" in written) is forgotten
    assert ("\x9b" in written) is forgotten
    assert "[bold]b" in written


def test_times_are_local_or_say_how_long_ago() -> None:
    ago = datetime.fromisoformat(moment("2h"))
    local = datetime(2026, 1, 31, 12).astimezone(UTC)

    assert abs(datetime.now(UTC) - timedelta(hours=2) - ago) < timedelta(minutes=1)
    assert datetime.fromisoformat(moment("2026-01-31T12:00")) == local
    assert moment("2026-01-31T12:00+01:00") == "2026-01-31T11:00:00Z"
    for none in ("2", "h", "2 h", "yesterday", "9999999999d", "0001-01-01T00:00+23:00", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="is not a time"):
            moment(none)
