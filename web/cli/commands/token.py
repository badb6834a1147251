"""`iot-logic token`: create, list and revoke tokens, directly in Redis.

It needs no token: access to Redis already means full access.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from pipeline.errors import SettingsError, TokenError
from pipeline.model.role import Role
from pipeline.settings import Settings
from pipeline.store.audit import AuditTrail
from pipeline.store.client import RedisError, connect
from pipeline.store.tokens import Tokens
from web.cli.commands import OK
from web.cli.commands.screen import Screen

#: The author of these changes in the audit trail. No token can have this name.
_WHO: Final = "(iot-logic)"


def create(arguments: argparse.Namespace) -> int:
    """Create a token and print it."""
    screen, role = Screen.of(arguments), Role(arguments.role)
    with _redis() as (tokens, trail):
        if arguments.if_none and tokens.exist():
            screen.note("There is already a token, so none was created.")
            screen.document({"name": None, "role": None, "token": None})
            return OK
        token = tokens.create(arguments.name, role, arguments.expires)
        trail.write(_WHO, "token.create", arguments.name, after=role)
    # On standard error, so that a script can read the token alone from standard output.
    screen.note("Copy the token now. It cannot be shown again:")
    screen.say(token)
    screen.document({"name": arguments.name, "role": role, "token": token})
    return OK


def list_tokens(arguments: argparse.Namespace) -> int:
    """Show all tokens."""
    screen = Screen.of(arguments)
    with _redis() as (tokens, _):
        found = tokens.list()
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
    with _redis() as (tokens, trail):
        role = tokens.revoke(arguments.name)
        if role is None:
            raise TokenError(f"There is no token {arguments.name!r}.")
        trail.write(_WHO, "token.revoke", arguments.name, before=role)
    Screen.of(arguments).document({"name": arguments.name, "role": role})
    return OK


@contextmanager
def _redis() -> Iterator[tuple[Tokens, AuditTrail]]:
    settings = Settings.from_environ()
    client = connect(settings)
    try:
        yield Tokens(client), AuditTrail(client, settings)
    except RedisError as e:
        raise SettingsError(f"Redis is unavailable: {e}. Check IOT_LOGIC_REDIS_URL.") from e
    finally:
        client.close()
