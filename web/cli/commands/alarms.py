"""`iot-logic alarms`: the open alarms, what people do with them, and the journal."""

import argparse
import json
from itertools import islice
from typing import Any, Final

from web.cli.commands import OK
from web.cli.commands.client import Api, quoted
from web.cli.commands.errors import Misused
from web.cli.commands.moments import local
from web.cli.commands.screen import Screen

#: The style of each severity.
_STYLES: Final = {"critical": "red", "major": "red", "minor": "yellow", "warning": "yellow"}

#: The name of the plant in place of a machine. No machine's id contains a tilde.
_PLANT: Final = "~plant"


def list_alarms(arguments: argparse.Namespace) -> int:
    """Show the open alarms that match, at most `--limit` of them."""
    screen = Screen.of(arguments)
    query: dict[str, Any] = {
        name: getattr(arguments, name) for name in ("severity", "profile", "name", "state")
    }
    query["machine"] = arguments.prefix
    if arguments.shelved is not None:
        query["shelved"] = json.dumps(arguments.shelved)
    with Api.of(arguments) as api:
        found = list(islice(api.pages("/alarms", "alarms", query), arguments.limit + 1))
    alarms = found[: arguments.limit]
    screen.document({"alarms": alarms, "more": len(found) > len(alarms)})
    screen.table(
        ("alarm", "severity", "state", "since", "logic", "message"),
        (
            (
                _id(each),
                (each["severity"], _STYLES[each["severity"]]),
                _state(each),
                local(each["raised"]),
                _logic(each),
                each["message"],
            )
            for each in alarms
        ),
    )
    if len(found) > len(alarms):
        screen.note(f"There are more than {len(alarms)}. Use --limit to list more.", style="dim")
    return OK


def list_journal(arguments: argparse.Namespace) -> int:
    """Show the changes of alarms that match, newest first, at most `--limit` of them."""
    screen = Screen.of(arguments)
    query = {name: getattr(arguments, name) for name in ("severity", "machine", "profile", "name", "action")}
    with Api.of(arguments) as api:
        pages = api.pages("/alarms/journal", "changes", query, cursor="before")
        found = list(islice(pages, arguments.limit + 1))
    changes = found[: arguments.limit]
    screen.document({"changes": changes, "more": len(found) > len(changes)})
    screen.table(
        ("time", "alarm", "what", "severity", "who", "message"),
        (
            (
                local(each["time"]),
                _id(each),
                each["action"],
                (each["severity"], _STYLES[each["severity"]]),
                each["who"],
                each["comment"] or each["message"],
            )
            for each in changes
        ),
    )
    if len(found) > len(changes):
        screen.note(f"There are more than {len(changes)}. Use --limit to list more.", style="dim")
    return OK


def acknowledge(arguments: argparse.Namespace) -> int:
    """Acknowledge an alarm."""
    return _change(arguments, "acknowledge", {"comment": arguments.comment}, "Acknowledged {id}.")


def shelve(arguments: argparse.Namespace) -> int:
    """Shelve an alarm for a time."""
    body = {"minutes": arguments.minutes, "comment": arguments.comment}
    return _change(arguments, "shelve", body, "Shelved {id} until {until}.")


def unshelve(arguments: argparse.Namespace) -> int:
    """End the shelving of an alarm."""
    return _change(arguments, "unshelve", None, "{id} is not shelved any more.")


def _change(arguments: argparse.Namespace, action: str, body: dict[str, Any] | None, said: str) -> int:
    screen = Screen.of(arguments)
    machine, slash, name = arguments.id.partition("/")
    if not (machine and slash and name):
        raise Misused(
            f"{arguments.id!r} is not an alarm. Write MACHINE/NAME as it is listed, or {_PLANT}/NAME for "
            "one of the plant."
        )
    path = "/plant-alarms" if machine == _PLANT else f"/machines{quoted(machine)}/alarms"
    with Api.of(arguments) as api:
        alarm = api.call("POST", f"{path}{quoted(name)}/{action}", body).json
    screen.document(alarm)
    until = local(alarm["shelved"]["until"]) if alarm["shelved"] else ""
    screen.say(said.format(id=arguments.id, until=until))
    return OK


def _id(alarm: dict[str, Any]) -> str:
    return f"{alarm['machine'] or _PLANT}/{alarm['name']}"


def _state(alarm: dict[str, Any]) -> str:
    shelved = alarm["shelved"]
    return f"{alarm['state']}, shelved until {local(shelved['until'])}" if shelved else str(alarm["state"])


def _logic(alarm: dict[str, Any]) -> str:
    version, profile = alarm["logicversion"], alarm["logicprofile"]
    return f"{f'profiles/{profile} ' if profile else ''}version {version}" if version else ""
