"""The arguments of `config`."""

from typing import Any

from web.cli.parser.common import add_command, add_connection, count


def add_config(commands: Any) -> None:
    """Add `config`."""
    parser = commands.add_parser(
        "config",
        help="see the versions of a config, compare and restore them",
        description="See the versions of a config, compare them, and restore an earlier one. "
        "`iot-logic push` sets a config.",
    )
    config = parser.add_subparsers(required=True, metavar="COMMAND")
    history = add_command(
        config,
        "history",
        "config:show_history",
        "list the versions of a config",
        "List the versions of a config, the newest first, with their authors and comments. The API keeps the "
        "last 50.",
        "config history press-7",
        "config history profiles/pumps",
    )
    diff = add_command(
        config,
        "diff",
        "config:diff",
        "compare two versions of a config",
        "Compare two versions of a config, as a unified diff: by default the current version with the one "
        "before it. The exit status is 1 if there are differences.",
        "config diff press-7",
        "config diff press-7 3 5",
    )
    rollback = add_command(
        config,
        "rollback",
        "config:rollback",
        "restore an earlier version of a config",
        "Restore a version of a config, as a new version: by default the one before the current one, so that "
        "a second rollback undoes the first. If someone else changes the config meanwhile, that change "
        "stays.",
        "config rollback press-7",
        "config rollback press-7 3 --comment 'The old limit was right'",
    )
    for each in (history, diff, rollback):
        each.add_argument("target", metavar="ID|profiles/NAME", help="the machine or profile")
    history.add_argument(
        "--limit", type=count, default=50, metavar="N", help="maximum number of versions (default: 50)"
    )
    diff.add_argument("one", type=count, nargs="?", metavar="FROM", help="the first version")
    diff.add_argument("other", type=count, nargs="?", metavar="TO", help="the second version")
    rollback.add_argument("version", type=count, nargs="?", metavar="VERSION")
    rollback.add_argument("--comment", metavar="TEXT", help="comment on the new version")
    for each in (history, diff, rollback):
        add_connection(each)
