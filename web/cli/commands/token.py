"""`iot-logic token`: create, list and revoke tokens, directly in Redis.

It needs no token: access to Redis already means full access.
"""

import argparse

import msgspec

from pipeline.errors import TokenError
from pipeline.model.role import Role
from pipeline.settings import Settings
from pipeline.store.audit import AuditTrail
from pipeline.store.tokens import Tokens
from web.cli.commands import OK
from web.cli.commands.direct import AUTHOR, connected
from web.cli.commands.screen import Screen


def create(arguments: argparse.Namespace) -> int:
    """Create a token and print it."""
    screen, role = Screen.of(arguments), Role(arguments.role)
    settings = Settings.from_environ()
    with connected(settings) as client:
        tokens = Tokens(client)
        if arguments.if_none and tokens.exist():
            screen.note("There is already a token, so none was created.")
            screen.document({"name": None, "role": None, "token": None})
            return OK
        token = tokens.create(arguments.name, role, arguments.expires)
        AuditTrail(client, settings).write(AUTHOR, "token.create", arguments.name, after=role)
    # On standard error, so that a script can read the token alone from standard output.
    screen.note("Copy the token now. It cannot be shown again:")
    screen.say(token)
    screen.document({"name": arguments.name, "role": role, "token": token})
    return OK


def list_tokens(arguments: argparse.Namespace) -> int:
    """Show all tokens."""
    screen = Screen.of(arguments)
    with connected(Settings.from_environ()) as client:
        found = Tokens(client).list()
    screen.table(
        ("name", "role", "created", "expires", "last used"),
        (
            (each.name, each.role, each.created, each.expires or "never", each.last_used or "never")
            for each in found
        ),
    )
    screen.document({"tokens": msgspec.to_builtins(found)})
    return OK


def revoke(arguments: argparse.Namespace) -> int:
    """Delete a token."""
    settings = Settings.from_environ()
    with connected(settings) as client:
        role = Tokens(client).revoke(arguments.name)
        if role is None:
            raise TokenError(f"There is no token {arguments.name!r}.")
        AuditTrail(client, settings).write(AUTHOR, "token.revoke", arguments.name, before=role)
    Screen.of(arguments).document({"name": arguments.name, "role": role})
    return OK
