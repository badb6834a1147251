"""`iot-logic notify`: who is told of which alarms, and what could not be delivered."""

import argparse
from pathlib import Path
from typing import Any

import msgspec

from web.cli.commands import OK, WRONG
from web.cli.commands.client import Api, quoted
from web.cli.commands.errors import Misused
from web.cli.commands.screen import Screen, agreed

_ROUTES = "/notification-routes"
_NOTIFICATIONS = "/notifications"

#: The fields that a user sets. A file with other fields can be what `show --json` wrote.
_FIELDS = (
    "severity",
    "scope",
    "machine",
    "profile",
    "alarm",
    "cleared",
    "per_minute",
    "remind_minutes",
    "escalate_to",
    "escalate_after_minutes",
    "quiet_hours",
    "allow_private",
    "webhook",
    "email",
    "apprise",
)
#: The fields of a route and of its target that the API shows and nobody sets.
_SHOWN = (
    "name",
    "pending",
    "waiting",
    "failed",
    "omitted",
    "last_delivered",
    "last_failed",
    "last_error",
)
_SHOWN_OF_TARGET = ("has_secret", "service")


def list_routes(arguments: argparse.Namespace) -> int:
    """Show all routes."""
    screen = Screen.of(arguments)
    with Api.of(arguments) as api:
        found = api.get(_ROUTES).json
    screen.document(found)
    screen.table(
        ("route", "tells", "from", "machine", "alarm", "#waiting", "#failed", "last error"),
        (
            (
                each["name"],
                _target(each),
                each["severity"],
                each["machine"],
                each["alarm"],
                each["pending"] + each["waiting"],
                each["failed"],
                each["last_error"] or "",
            )
            for each in found["routes"]
        ),
    )
    return OK


def show_route(arguments: argparse.Namespace) -> int:
    """Show a route."""
    screen = Screen.of(arguments)
    with Api.of(arguments) as api:
        found = api.get(_ROUTES + quoted(arguments.name)).json
    screen.document(found)
    for name in (*_FIELDS, *_SHOWN):
        if found[name] not in ("", None):
            screen.say((f"{name:23}", "bold"), msgspec.json.encode(found[name]).decode())
    return OK


def put_route(arguments: argparse.Namespace) -> int:
    """Create or replace a route."""
    screen = Screen.of(arguments)
    path = _ROUTES + quoted(arguments.name)
    route = _read(arguments.file)
    with Api.of(arguments) as api:
        before = api.find(path)
        # Without an entity tag, there must be no such route; with one, it must not have changed meanwhile.
        headers = {"If-Match": before.etag} if before and before.etag else {"If-None-Match": "*"}
        after = api.call("PUT", path, route, headers=headers).json
    screen.document(after)
    screen.say(
        f"The route {arguments.name} tells {_target(after)} of alarms with the severity {after['severity']} "
        "or higher."
    )
    return OK


def delete_route(arguments: argparse.Namespace) -> int:
    """Delete a route."""
    screen = Screen.of(arguments)
    question = f"Delete the route {arguments.name}, with all that waits for it?"
    if not arguments.yes and not agreed(screen, question):
        return WRONG
    with Api.of(arguments) as api:
        api.call("DELETE", _ROUTES + quoted(arguments.name))
    screen.document({"deleted": arguments.name})
    screen.say(f"Deleted the route {arguments.name}.")
    return OK


def try_route(arguments: argparse.Namespace) -> int:
    """Send a test."""
    screen = Screen.of(arguments)
    with Api.of(arguments) as api:
        tried = api.call("POST", f"{_ROUTES}{quoted(arguments.name)}/try").json
    screen.document(tried)
    if tried["delivered"]:
        screen.say(f"Delivered: {tried['answer']}.")
    else:
        screen.say(f"Not delivered: {tried['error']}.")
    return OK if tried["delivered"] else WRONG


def list_failed(arguments: argparse.Namespace) -> int:
    """Show the notifications that wait or have failed."""
    screen = Screen.of(arguments)
    with Api.of(arguments) as api:
        found = api.get(_NOTIFICATIONS, {"limit": arguments.limit}).json
    screen.document(found)
    screen.table(
        ("id", "state", "#changes", "#attempts", "first change", "error"),
        (
            (
                each["id"],
                (each["state"], "red" if each["state"] == "failed" else "yellow"),
                each["count"] + each["more"],
                each["attempts"],
                _change(each["changes"]),
                each["error"] or "",
            )
            for each in (*found["failed"], *found["waiting"])
        ),
    )
    return WRONG if found["total_failed"] else OK


def send_again(arguments: argparse.Namespace) -> int:
    """Send a failed notification again."""
    screen = Screen.of(arguments)
    with Api.of(arguments) as api:
        api.call("POST", f"{_NOTIFICATIONS}{quoted(arguments.id)}/send-again")
    screen.document({"sent_again": arguments.id})
    screen.say(f"The notification {arguments.id} is sent again.")
    return OK


def discard(arguments: argparse.Namespace) -> int:
    """Discard a notification."""
    screen = Screen.of(arguments)
    with Api.of(arguments) as api:
        api.call("DELETE", _NOTIFICATIONS + quoted(arguments.id))
    screen.document({"discarded": arguments.id})
    screen.say(f"Discarded the notification {arguments.id}.")
    return OK


def _target(route: dict[str, Any]) -> str:
    if route["webhook"] is not None:
        return str(route["webhook"]["url"])
    if route["email"] is not None:
        return ", ".join(route["email"]["to"])
    return f"Apprise ({route['apprise']['service']})"


def _change(changes: list[dict[str, Any]]) -> str:
    first = changes[0]
    return f"{first['machine'] or 'plant'}: {first['alarm']} {first['reason']}"


def _read(path: Path) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise Misused(f"{path} is not a route as JSON: {e}. For example: {_EXAMPLE}") from e
    route = {name: value for name, value in found.items() if name not in _SHOWN}
    for name in ("webhook", "apprise"):
        if isinstance(target := route.get(name), dict):
            route[name] = {each: value for each, value in target.items() if each not in _SHOWN_OF_TARGET}
    return route


_EXAMPLE = '{"severity": "major", "email": {"to": ["shift@example.com"]}}'
