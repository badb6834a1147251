"""The arguments of `iot-logic token`."""

from typing import Any

from web.cli.parser.common import add_command, days


def add_token(commands: Any) -> None:
    """Add `token`."""
    parser = commands.add_parser(
        "token",
        help="create, list and revoke the tokens of the API",
        description="Create, list and revoke the tokens of the API. The command connects to Redis "
        "(IOT_LOGIC_REDIS_URL), not to the API.",
    )
    tokens = parser.add_subparsers(required=True, metavar="COMMAND")
    create = add_command(
        tokens,
        "create",
        "token:create",
        "create a token and print it once",
        "Create a token and print it. It cannot be shown again. The roles: a viewer reads; an operator also "
        "sends readings, edits states, pauses machines, and sends dead letters again; an author also changes "
        "logic, profiles and configs; an admin also creates and revokes tokens and reads the audit trail.",
        "token create anna --role author --expires 90",
    )
    create.add_argument("name", metavar="NAME", help="1 to 64 letters, digits or -")
    create.add_argument(
        "--role", required=True, choices=("viewer", "operator", "author", "admin"), help="role of the token"
    )
    create.add_argument("--expires", type=days, metavar="DAYS", help="days until it expires (default: never)")
    create.add_argument(
        "--if-none",
        action="store_true",
        help="create the token only if there is no token yet; otherwise do nothing",
    )
    listing = add_command(
        tokens,
        "list",
        "token:list_tokens",
        "list all tokens, without their secrets",
        "List all tokens, including expired ones, without their secrets.",
        "token list",
    )
    revoke = add_command(
        tokens,
        "revoke",
        "token:revoke",
        "revoke a token",
        "Revoke a token. It is invalid from the next request on.",
        "token revoke anna",
    )
    revoke.add_argument("name", metavar="NAME")
    for each in (create, listing, revoke):
        each.add_argument("--json", action="store_true", help="print JSON")
