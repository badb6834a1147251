"""`iot-logic sources`: the sources of readings, which map topics that devices choose to machines."""

import argparse
import json
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from web.cli.commands import OK, WRONG
from web.cli.commands.client import Api, quoted
from web.cli.commands.errors import Misused
from web.cli.commands.screen import Screen, agreed

_PATH = "/sources"

#: The fields that a user sets, in the order in which they are shown.
_FIELDS = ("filter", "prefix", "case", "rename", "profile", "settings")
#: The other fields that the API shows. A file with them can be what `show --json` wrote.
_SHOWN = ("name", "state", "pattern", "partition", "queue")


class _Changeable(Struct):
    """The fields of a source in which options change entries."""

    rename: dict[str, str] | None = None
    settings: dict[str, Any] | None = None


def list_sources(arguments: argparse.Namespace) -> int:
    """Show all sources."""
    screen = Screen.of(arguments)
    with Api.of(arguments) as api:
        found = api.get(_PATH).json["sources"]
    screen.document({"sources": found})
    screen.table(
        ("source", "filter", "prefix", "case", "#renamed", "profile", "queue", "state"),
        (
            (
                each["name"],
                each["filter"],
                each["prefix"],
                each["case"],
                len(each["rename"]),
                each["profile"] or "",
                each["queue"],
                (each["state"], "green" if each["state"] == "active" else "yellow"),
            )
            for each in found
        ),
    )
    return OK


def list_presets(arguments: argparse.Namespace) -> int:
    """Show the presets."""
    screen = Screen.of(arguments)
    with Api.of(arguments) as api:
        found = api.get("/source-presets").json["presets"]
    screen.document({"presets": found})
    for each in found:
        screen.say((each["name"], "bold"), f"  {each['device']}")
        screen.say(f"  {each['source']['filter']}")
        screen.say((f"  {each['note']}", "dim"))
    return OK


def show_source(arguments: argparse.Namespace) -> int:
    """Show a source."""
    screen = Screen.of(arguments)
    with Api.of(arguments) as api:
        found = api.get(_PATH + quoted(arguments.name)).json
    screen.document(found)
    for name in (*_FIELDS, "state", "pattern", "queue"):
        if name not in ("rename", "settings") and found[name] not in ("", None):
            screen.say((f"{name:9}", "bold"), found[name])
    for device, machine in found["rename"].items():
        screen.say((f"{'rename':9}", "bold"), f"{device} = {machine}")
    if found["settings"]:
        screen.say((f"{'settings':9}", "bold"), json.dumps(found["settings"]))
    return OK


def put_source(arguments: argparse.Namespace) -> int:
    """Create or change a source."""
    screen = Screen.of(arguments)
    path = _PATH + quoted(arguments.name)
    with Api.of(arguments) as api:
        before = api.find(path)
        source = _source(api, arguments, before.json if before else None)
        # Without an entity tag, there must be no such source; with one, it must not have changed meanwhile.
        headers = {"If-Match": before.etag} if before and before.etag else {"If-None-Match": "*"}
        after = api.call("PUT", path, source, headers=headers).json
    screen.document(after)
    screen.say(f"The source {arguments.name} reads {after['filter']}.")
    return OK


def delete_source(arguments: argparse.Namespace) -> int:
    """Delete a source."""
    screen = Screen.of(arguments)
    question = f"Delete the source {arguments.name}? Its topics are not read any more."
    if not arguments.yes and not agreed(screen, question):
        return WRONG
    with Api.of(arguments) as api:
        removal = api.call("DELETE", _PATH + quoted(arguments.name)).json
    screen.document(removal)
    if removal["done"]:
        screen.say(f"Deleted the source {arguments.name}.")
    else:
        screen.say(
            f"No new readings come in. {removal['readings']} readings wait in its queues, and "
            f"{removal['consumers']} consumers hold them. The API deletes the queues when all are processed."
        )
    return OK


def try_topic(arguments: argparse.Namespace) -> int:
    """Show what becomes of a reading with a topic."""
    screen = Screen.of(arguments)
    with Api.of(arguments) as api:
        tried = api.call("POST", f"{_PATH}/try", {"topic": arguments.topic}).json
    screen.document(tried)
    screen.say(tried["message"])
    return OK if tried["machine"] is not None else WRONG


def _source(api: Api, arguments: argparse.Namespace, before: dict[str, Any] | None) -> dict[str, Any]:
    """Return the source to set: from a file or a preset or the present one, and the options over it."""
    if arguments.file is not None and arguments.preset is not None:
        raise Misused("Give a file or a preset, not both.")
    source = {name: before[name] for name in _FIELDS} if before is not None else {}
    if arguments.file is not None:
        source = _read(arguments.file)
    elif arguments.preset is not None:
        presets = {each["name"]: each["source"] for each in api.get("/source-presets").json["presets"]}
        if arguments.preset not in presets:
            raise Misused(f"There is no preset {arguments.preset!r}. Use one of: {', '.join(presets)}.")
        source = presets[arguments.preset]
    for name in ("filter", "prefix", "case", "profile"):
        if (value := getattr(arguments, name)) is not None:
            source[name] = value
    for name in ("format", "compression"):
        if (value := getattr(arguments, name)) is not None:
            source["settings"] = {**(source.get("settings") or {}), name: value}
    if arguments.rename:
        renamed = dict[str, str](source.get("rename") or {})
        for each in arguments.rename:
            device, equals, machine = each.rpartition("=")
            if not equals:
                raise Misused(f"{each!r} renames no device. Use DEVICE=MACHINE.")
            renamed[device] = machine
        source["rename"] = renamed
    if "filter" not in source:
        raise Misused("A new source needs --filter, --preset or --file.")
    return source


def _read(path: Path) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        msgspec.convert(found, _Changeable)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise Misused(f"{path} is not a source as JSON: {e}. For example: {_EXAMPLE}") from e
    return {name: value for name, value in found.items() if name not in _SHOWN}


_EXAMPLE = json.dumps({"filter": "tele/{machine}/SENSOR", "case": "lower"})
