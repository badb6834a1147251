"""The arguments of `iot-logic token`."""

from typing import Any

from web.cli.parser.common import add_command, days


def add_token(commands: Any) -> None:
    """Add `token`."""
    parser = commands.add_parser(
        "token",
        help="make, list and revoke the tokens of the API",
        description="Make, list and revoke the tokens of the API. Works on Redis (IOT_LOGIC_REDIS_URL).",
    )
    tokens = parser.add_subparsers(required=True, metavar="COMMAND")
    create = add_command(
        tokens,
        "create",
        "token:create",
        "make a token and print it, this once",
        "Make a token and print it. It can never be shown again. What a role may do: a viewer reads; an "
        "operator also sends readings, edits states, pauses, and sends dead letters again; an author also "
        "changes logic, profiles and configs; an admin also makes and revokes tokens and reads the audit "
        "trail.",
        "token create anna --role author --expires 90",
    )
    create.add_argument("name", metavar="NAME", help="1 to 64 letters, digits or -")
    create.add_argument(
        "--role", required=True, choices=("viewer", "operator", "author", "admin"), help="what it may do"
    )
    create.add_argument("--expires", type=days, metavar="DAYS", help="days until it expires (default: never)")
    create.add_argument(
        "--if-none",
        action="store_true",
        help="only where there is no token at all; else do nothing, which is no error",
    )
    listing = add_command(
        tokens,
        "list",
        "token:list_tokens",
        "all tokens, without their secrets",
        "Show all tokens, also those that have expired, without their secrets.",
        "token list",
    )
    revoke = add_command(
        tokens,
        "revoke",
        "token:revoke",
        "delete a token",
        "Delete a token. It is out from the next request on.",
        "token revoke anna",
    )
    revoke.add_argument("name", metavar="NAME")
    for each in (create, listing, revoke):
        each.add_argument("--json", action="store_true", help="print JSON, for programs")
