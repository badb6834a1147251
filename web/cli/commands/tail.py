"""`iot-logic tail`: show live events. After a lost connection it continues after the last event."""

import argparse
import json
import time
from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

import msgspec

from web.cli.commands import OK
from web.cli.commands.client import Api, quoted
from web.cli.commands.errors import ApiUnreachable, Refused
from web.cli.commands.events import Event, events
from web.cli.commands.moments import local
from web.cli.commands.screen import Screen

#: Seconds before it connects again: the first delay, and the longest.
_SOONEST: Final = 0.5
_LATEST: Final = 15.0

#: The maximum number of characters of a reading or result that are shown; `--json` shows all.
_SHOWN: Final = 300

#: The maximum number of characters of a change's old and new value that are shown. A version or a profile's
#: name fits; an ETag tells the reader nothing.
_LONGEST_END: Final = 30


def tail(arguments: argparse.Namespace) -> int:
    """Show events until Ctrl-C."""
    screen = Screen.of(arguments)
    path = quoted("machines", arguments.machine, "events") if arguments.machine else "/events"
    try:
        with Api.of(arguments) as api:
            for event in _followed(api, path, screen):
                _show(screen, event)
    except KeyboardInterrupt:
        pass
    return OK


def _followed(api: Api, path: str, screen: Screen) -> Iterator[Event]:
    """Yield events, across connections. Raises `ApiUnreachable` and `Refused` if it never connected."""
    last, wait, connected = "", _SOONEST, False
    while True:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        try:
            lines = api.lines(path, headers)
            # The first line arrives at once, because the API starts each stream with a greeting.
            greeting = next(lines, b"")
            connected, wait = True, wait if greeting == b"" else _SOONEST
            for event in events(chain((greeting,), lines)):
                last = event.id or last
                yield event
        except (ApiUnreachable, Refused) as e:
            # An API that was reachable before may be down for a while, or have too many readers.
            if not connected or (isinstance(e, Refused) and e.status < 500):
                raise
            screen.note(f"{e} Reconnecting …", style="yellow")
        time.sleep(wait)
        wait = min(wait * 2, _LATEST)


def _show(screen: Screen, event: Event) -> None:
    try:
        data = msgspec.json.decode(event.data, type=dict[str, Any])
    except msgspec.MsgspecError:
        return
    screen.entry({"id": event.id or None, "event": event.name, "data": data})
    match event.name:
        case "reading" | "dead-letter":
            _show_reading(screen, data)
        case "change":
            _show_change(screen, data)
        case "lagged":
            missed = data.get("missed")
            screen.say(f"… {'some' if missed is None else missed} events are missing here", style="yellow")


def _show_reading(screen: Screen, data: dict[str, Any]) -> None:
    error, timer = data.get("error"), data.get("timer")
    name = f"#{data.get('number')}" if timer is None else f"timer {timer}"
    parts: list[object] = [*_head(data), f"{name} "]
    parts.append((f"{data.get('outcome')}  ", "red" if error else "green"))
    parts.append(_text(data.get("reading")))
    if error:
        line = f"line {error.get('line')}: " if error.get("line") else ""
        parts.append((f"  {line}{error.get('message')}", "red"))
    parts.extend((f" → {_text(result)}", "bold") for result in data.get("results") or [])
    screen.say(*parts)


def _show_change(screen: Screen, data: dict[str, Any]) -> None:
    what, before, after = str(data.get("what")), data.get("before"), data.get("after")
    said = f": {_end(before)} → {_end(after)}" if before is not None or after is not None else ""
    of = data.get("machine") or data.get("target")
    if what.startswith("profile."):
        of = f"profiles/{of}"
    screen.say(*_head({"time": data.get("time"), "machine": of}), (f"{what}{said}", "cyan"))


def _end(value: Any) -> str:
    """Return the old or the new value of a change, shortened."""
    text = "none" if value is None else str(value)
    return text if len(text) <= _LONGEST_END else "…"


def _head(data: dict[str, Any]) -> tuple[object, object]:
    """Return the time of an event, in local time, and its machine or other subject."""
    return (f"{local(data.get('time'), '%H:%M:%S')}  ", "dim"), (f"{data.get('machine')}  ", "bold")


def _text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
