"""`iot-logic list`: list the machines or the profiles."""

import argparse
from itertools import islice
from typing import Any

from web.cli.commands import OK
from web.cli.commands.client import Api
from web.cli.commands.moments import local
from web.cli.commands.screen import Screen

#: The style of each health of a machine.
STYLES = {
    "running": "green",
    "failing": "red",
    "quarantined": "red",
    "paused": "yellow",
    "silent": "yellow",
    "new": "dim",
}


def list_all(arguments: argparse.Namespace) -> int:
    """Show the machines or profiles that match, at most `--limit` of them."""
    screen = Screen.of(arguments)
    items = "profiles" if arguments.profiles else "machines"
    query = {} if arguments.profiles else _query(arguments)
    with Api.of(arguments) as api:
        found = list(islice(api.pages(f"/{items}", items, query), arguments.limit + 1))
    shown = found[: arguments.limit]
    screen.document({items: shown, "more": len(found) > len(shown)})
    if arguments.profiles:
        _show_profiles(screen, shown)
    else:
        _show_machines(screen, shown)
    if len(found) > len(shown):
        screen.note(f"There are more than {len(shown)}. Use --limit to list more.", style="dim")
    return OK


def _query(arguments: argparse.Namespace) -> dict[str, object]:
    return {
        name: getattr(arguments, name)
        for name in ("prefix", "text", "tag", "line", "profile", "health", "sort")
    }


def _show_machines(screen: Screen, machines: list[dict[str, Any]]) -> None:
    named = any(map(_name, machines))
    columns = ("health", "logic", "#readings", "#results", "#errors", "last seen")
    screen.table(
        ("machine", *(["name"] if named else []), *columns),
        ((each.get("id"), *([_name(each)] if named else []), *_row(each)) for each in machines),
    )


def _name(machine: dict[str, Any]) -> str:
    return str(machine.get("about", {}).get("name", ""))


def _row(machine: dict[str, Any]) -> tuple[object, ...]:
    health = machine.get("health")
    return (
        (health, STYLES.get(str(health), "")),
        _logic(machine),
        machine.get("readings"),
        machine.get("results"),
        machine.get("errors"),
        local(machine["last_seen"]) if machine.get("last_seen") else "never",
    )


def _logic(machine: dict[str, Any]) -> str:
    profile, version = machine.get("logicprofile"), machine.get("logicversion")
    return f"{f'profiles/{profile} ' if profile else ''}version {version}" if version else "none"


def _show_profiles(screen: Screen, profiles: list[dict[str, Any]]) -> None:
    screen.table(
        ("profile", "logic", "#machines"),
        (
            (
                each.get("name"),
                f"version {each['logicversion']}" if each.get("logicversion") else "none",
                each.get("machines"),
            )
            for each in profiles
        ),
    )
