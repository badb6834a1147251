"""The arguments of the commands that watch a plant and mend what failed there."""

import argparse
from typing import Any

from web.cli.parser.common import add_command, add_connection, count, moment


def add_list(commands: Any) -> None:
    """Add `list`."""
    listing = add_command(
        commands,
        "list",
        "listing:list_all",
        "show the machines, or the profiles",
        "Show the machines that fit all that is given, with their health and what runs on them; or all "
        "profiles.",
        "list --health failing",
        "list --prefix press- --sort last_seen",
        "list --profiles",
    )
    listing.add_argument("--prefix", metavar="TEXT", help="machines whose ids begin with it")
    listing.add_argument("--profile", metavar="NAME", help="machines of this profile")
    listing.add_argument(
        "--health",
        choices=("running", "failing", "quarantined", "paused", "silent", "new"),
        help="machines that are so",
    )
    listing.add_argument("--sort", choices=("id", "last_seen"), help="by what (default: id)")
    listing.add_argument("--profiles", action="store_true", help="show the profiles instead")
    listing.add_argument(
        "--limit", type=count, default=100, metavar="N", help="so many at the most (default: 100)"
    )
    add_connection(listing)


def add_tail(commands: Any) -> None:
    """Add `tail`."""
    tail = add_command(
        commands,
        "tail",
        "tail:tail",
        "show what happens, as it happens",
        "Show the readings of a machine, or of all, with what becomes of them, and the changes that "
        "somebody makes, until Ctrl-C. After a lost connection it goes on where it was.",
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
        "show whether the plant is well",
        "Show the workers, what waits for them, the dead letters and the machines. The exit status is 1 "
        "where something is wrong: no worker, a partition that stands still or is a minute behind, too many "
        "dead letters.",
        "status",
    )
    add_connection(status)


def add_dead_letters(commands: Any) -> None:
    """Add `dead-letters`."""
    parser = commands.add_parser(
        "dead-letters",
        help="find the readings that failed, send them again, discard them",
        description="Find the readings that failed, look at one, send them again, discard them.",
    )
    letters = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = add_command(
        letters,
        "list",
        "dead_letters:list_letters",
        "show those that fit",
        "Show the dead letters that fit all that is given.",
        "dead-letters list --machine press-7 --since 2h",
    )
    _add_where(listing)
    listing.add_argument(
        "--limit", type=count, default=100, metavar="N", help="so many at the most (default: 100)"
    )
    show = add_command(
        letters,
        "show",
        "dead_letters:show_letter",
        "show one with its reading",
        "Show one dead letter: why it failed, with the line of the logic, and its reading.",
        "dead-letters show press-7/1204",
    )
    show.add_argument("id", metavar="ID")
    again = add_command(
        letters,
        "send-again",
        "dead_letters:send_again",
        "process them once more",
        "Send a dead letter again, or all that fit. Each goes to the end of its machine's line, and stays "
        "here until it is processed.",
        "dead-letters send-again press-7/1204",
        "dead-letters send-again --machine press-7 --kind error",
    )
    away = add_command(
        letters,
        "discard",
        "dead_letters:discard",
        "delete them for ever",
        "Delete a dead letter, or all that fit, for ever.",
        "dead-letters discard press-7/1204",
        "dead-letters discard --kind not-json --yes",
    )
    for each in (again, away):
        each.add_argument("id", nargs="?", metavar="ID", help="only this one")
        _add_where(each)
        each.add_argument("--yes", action="store_true", help="do not ask whether to do it to so many")
    for each in (listing, show, again, away):
        add_connection(each)


def _add_where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--machine", metavar="ID", help="those of this machine")
    parser.add_argument("--kind", metavar="KIND", help="those of this kind: error, limit, not-json, …")
    for name, what in (("since", "then or later"), ("until", "before")):
        parser.add_argument(
            f"--{name}", type=moment, metavar="TIME", help=f"that failed {what}: 2h (ago), 2026-01-31T12:00"
        )
