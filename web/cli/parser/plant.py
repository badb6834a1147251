"""The arguments of the commands that watch a plant and repair failures."""

import argparse
from pathlib import Path
from typing import Any

from web.cli.parser.common import add_command, add_connection, count, moment


def add_list(commands: Any) -> None:
    """Add `list`."""
    listing = add_command(
        commands,
        "list",
        "listing:list_all",
        "list the machines or the profiles",
        "List the machines that match all given options, with their health and their logic; or all profiles.",
        "list --health failing",
        "list --prefix press- --sort last_seen",
        "list --text hydraulic --line 'Line 3'",
        "list --profiles",
    )
    listing.add_argument("--prefix", metavar="TEXT", help="only machines whose id starts with this")
    listing.add_argument("--text", metavar="TEXT", help="only machines with this in id, name, line or tags")
    listing.add_argument("--tag", metavar="TAG", help="only machines with this tag")
    listing.add_argument("--line", metavar="LINE", help="only machines of this line")
    listing.add_argument("--profile", metavar="NAME", help="only machines that follow this profile")
    listing.add_argument(
        "--health",
        choices=("running", "failing", "quarantined", "paused", "silent", "new"),
        help="only machines with this health",
    )
    listing.add_argument("--sort", choices=("id", "last_seen"), help="sort order (default: id)")
    listing.add_argument("--profiles", action="store_true", help="list the profiles instead")
    listing.add_argument(
        "--limit", type=count, default=100, metavar="N", help="maximum number (default: 100)"
    )
    add_connection(listing)


def add_tail(commands: Any) -> None:
    """Add `tail`."""
    tail = add_command(
        commands,
        "tail",
        "tail:tail",
        "show live events",
        "Show the readings of a machine, or of all machines, with their outcomes, and the changes made over "
        "the API, until Ctrl-C. After a lost connection the command reconnects and continues.",
        "tail press-7",
        "tail --json",
    )
    tail.add_argument("machine", nargs="?", metavar="MACHINE")
    add_connection(tail)


def add_status(commands: Any) -> None:
    """Add `status`."""
    status = add_command(
        commands,
        "status",
        "status:status",
        "show the status of the plant",
        "Show the workers, the waiting readings, the dead letters and the machines. The exit status is 1 "
        "if there is a problem: no worker, a partition that makes no progress or is a minute behind, or "
        "too many dead letters.",
        "status",
    )
    add_connection(status)


def add_dead_letters(commands: Any) -> None:
    """Add `dead-letters`."""
    parser = commands.add_parser(
        "dead-letters",
        help="find failed readings, send them again, discard them",
        description="Find failed readings, show one, send them again, discard them.",
    )
    letters = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = add_command(
        letters,
        "list",
        "dead_letters:list_letters",
        "list dead letters",
        "List the dead letters that match all given options.",
        "dead-letters list --machine press-7 --since 2h",
    )
    _add_where(listing)
    listing.add_argument(
        "--limit", type=count, default=100, metavar="N", help="maximum number (default: 100)"
    )
    show = add_command(
        letters,
        "show",
        "dead_letters:show_letter",
        "show a dead letter with its reading",
        "Show a dead letter: the error, the line of the logic, and the reading.",
        "dead-letters show press-7/1204",
    )
    show.add_argument("id", metavar="ID")
    again = add_command(
        letters,
        "send-again",
        "dead_letters:send_again",
        "send dead letters again",
        "Send a dead letter again, or all that match the options. Each reading goes to the end of the queue, "
        "behind the other readings of its machine. The dead letter stays until its reading is processed.",
        "dead-letters send-again press-7/1204",
        "dead-letters send-again --machine press-7 --kind error",
    )
    away = add_command(
        letters,
        "discard",
        "dead_letters:discard",
        "delete dead letters permanently",
        "Delete a dead letter, or all that match the options, permanently.",
        "dead-letters discard press-7/1204",
        "dead-letters discard --kind not-json --yes",
    )
    for each in (again, away):
        each.add_argument("id", nargs="?", metavar="ID", help="only this dead letter")
        _add_where(each)
        each.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    for each in (listing, show, again, away):
        add_connection(each)


def _add_where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--machine", metavar="ID", help="only dead letters of this machine")
    parser.add_argument("--kind", metavar="KIND", help="only this kind: error, limit, not-json, …")
    for name, what in (("since", "at or after"), ("until", "before")):
        parser.add_argument(
            f"--{name}",
            type=moment,
            metavar="TIME",
            help=f"only failures {what} this time: 2h (ago), 2026-01-31T12:00",
        )


def add_sources(commands: Any) -> None:
    """Add `sources`."""
    parser = commands.add_parser(
        "sources",
        help="let devices choose their own topics",
        description="Sources map topics that devices choose themselves to machines.",
    )
    sources = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = add_command(
        sources, "list", "sources:list_sources", "list the sources", "List all sources.", "sources list"
    )
    presets = add_command(
        sources,
        "presets",
        "sources:list_presets",
        "list the presets",
        "List the presets: the sources of common devices and gateways.",
        "sources presets",
    )
    show = add_command(
        sources, "show", "sources:show_source", "show a source", "Show a source.", "sources show hall-2"
    )
    put = add_command(
        sources,
        "put",
        "sources:put_source",
        "create or change a source",
        "Create a source, or change the given options of an existing one. The filter is a topic with the "
        "placeholder {machine} in place of a level; + stands for any level, and # for the rest.",
        "sources put hall-2 --preset tasmota",
        "sources put hall-2 --filter 'tele/{machine}/SENSOR' --case lower --prefix hall-2-",
        "sources put hall-2 --rename 24:0a:c4:00:01:10=furnace",
    )
    put.add_argument("--filter", metavar="TOPICS", help="the topics, for example tele/{machine}/SENSOR")
    put.add_argument("--preset", metavar="PRESET", help="start from this preset")
    put.add_argument("--file", type=Path, metavar="FILE", help="start from this file, a source as JSON")
    put.add_argument("--prefix", metavar="TEXT", help="put this before each id that is not renamed")
    put.add_argument("--case", choices=("keep", "lower", "upper"), help="change the letters of the ids")
    put.add_argument(
        "--rename",
        action="append",
        metavar="DEVICE=MACHINE",
        help="the id of the machine with this name in the topic; may be repeated",
    )
    put.add_argument(
        "--profile", metavar="NAME", help="machines without a logic and a profile follow this profile"
    )
    put.add_argument(
        "--format",
        choices=("json", "text", "binary", "cbor", "msgpack"),
        help="the format of the readings, if their machines set none",
    )
    put.add_argument(
        "--compression", choices=("none", "gzip", "zlib"), help="how the readings are compressed, likewise"
    )
    delete = add_command(
        sources,
        "delete",
        "sources:delete_source",
        "delete a source",
        "Delete a source. No new readings come in; the readings that wait are processed first.",
        "sources delete hall-2 --yes",
    )
    delete.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    for each in (show, put, delete):
        each.add_argument("name", metavar="NAME")
    tried = add_command(
        sources,
        "try",
        "sources:try_topic",
        "show which machine a topic names",
        "Show which source and which machine a topic belongs to. Nothing is sent. The exit status is 1 if "
        "the topic names no machine.",
        "sources try tele/press-7/SENSOR",
    )
    tried.add_argument("topic", metavar="TOPIC")
    for each in (listing, presets, show, put, delete, tried):
        add_connection(each)


def add_notify(commands: Any) -> None:
    """Add `notify`."""
    parser = commands.add_parser(
        "notify",
        help="tell people and programs of alarms",
        description="Routes say who is told of which alarms: by webhook, e-mail, or a service that Apprise "
        "supports.",
    )
    notify = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = add_command(
        notify, "list", "notify:list_routes", "list the routes", "List all routes.", "notify list"
    )
    show = add_command(
        notify,
        "show",
        "notify:show_route",
        "show a route",
        "Show a route, without its secret, and what has happened on it.",
        "notify show shift",
    )
    put = add_command(
        notify,
        "put",
        "notify:put_route",
        "create or replace a route",
        "Create or replace a route with the one in a file, as JSON. Without the secret of a webhook or the "
        "address of a service, it keeps the one that it has.",
        "notify put shift --file shift.json",
    )
    put.add_argument("--file", type=Path, metavar="FILE", required=True, help="the route as JSON")
    delete = add_command(
        notify,
        "delete",
        "notify:delete_route",
        "delete a route",
        "Delete a route, with all that waits for it and all that has failed.",
        "notify delete shift --yes",
    )
    delete.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    tried = add_command(
        notify,
        "try",
        "notify:try_route",
        "send a test",
        "Send a test to the target of a route, and show what it answers. The exit status is 1 if it was not "
        "delivered.",
        "notify try shift",
    )
    failed = add_command(
        notify,
        "failed",
        "notify:list_failed",
        "list what could not be delivered",
        "List the notifications that have failed for good, and those that wait for their next attempt. The "
        "exit status is 1 if any has failed.",
        "notify failed",
    )
    failed.add_argument(
        "--limit", type=count, default=100, metavar="N", help="maximum number of failed ones (default: 100)"
    )
    again = add_command(
        notify,
        "send-again",
        "notify:send_again",
        "send a failed notification again",
        "Send a failed notification again, with the same content and id.",
        "notify send-again shift:0b6d1f0e4f0c4c369d0e0d7a6f5f1c11",
    )
    discard = add_command(
        notify,
        "discard",
        "notify:discard",
        "discard a notification",
        "Discard a notification that waits or has failed.",
        "notify discard shift:0b6d1f0e4f0c4c369d0e0d7a6f5f1c11",
    )
    for each in (show, put, delete, tried):
        each.add_argument("name", metavar="NAME")
    for each in (again, discard):
        each.add_argument("id", metavar="ID")
    for each in (listing, show, put, delete, tried, failed, again, discard):
        add_connection(each)
