"""`iot-logic export` and `import`: logic, configs and states to a file and back, directly in Redis."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from pipeline.backup import archive
from pipeline.backup.restore import Restore
from pipeline.errors import SettingsError
from pipeline.settings import Settings
from pipeline.store.audit import AuditTrail
from pipeline.store.client import Client, RedisError, connect
from sandbox.parent.sandbox import Sandbox
from web.cli.commands import OK, WRONG
from web.cli.commands.screen import Screen

if TYPE_CHECKING:
    pass

#: The author of these changes in the audit trail. No token can have this name.
_WHO: Final = "(iot-logic)"


def export(arguments: argparse.Namespace) -> int:
    """Write a backup."""
    screen = Screen.of(arguments)
    with _redis(Settings.from_environ()) as client:
        counts = archive.export(client, arguments.file)
    screen.document({"file": str(arguments.file)} | counts)
    screen.say(f"Wrote {counts['machines']} machines and {counts['profiles']} profiles to {arguments.file}.")
    return OK


def restore(arguments: argparse.Namespace) -> int:
    """Restore a backup."""
    screen, settings = Screen.of(arguments), Settings.from_environ()
    sandbox = Sandbox(settings.limits, allow_unconfined=settings.allow_unconfined_sandbox)
    with sandbox, _redis(settings) as client:
        done = Restore(client, settings.signing_key, lambda source: sandbox.check(source).code).restore(
            arguments.file, only=arguments.replace or (), force=arguments.force, ahead=arguments.ahead
        )
        AuditTrail(client, settings).write(
            _WHO, "import", str(arguments.file), after={"machines": done.machines, "profiles": done.profiles}
        )
    screen.document(msgspec.to_builtins(done))
    screen.say(f"Restored {done.machines} machines and {done.profiles} profiles.")
    if done.refused:
        screen.note(
            f"This version refuses {len(done.refused)} of the sources. Readings of machines that run them "
            "become dead letters. Deploy corrected logic for these machines."
        )
    return WRONG if done.refused else OK


@contextmanager
def _redis(settings: Settings) -> Iterator[Client]:
    client = connect(settings)
    try:
        yield client
    except RedisError as e:
        raise SettingsError(f"Redis is unavailable: {e}. Check IOT_LOGIC_REDIS_URL.") from e
    finally:
        client.close()
