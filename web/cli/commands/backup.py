"""`iot-logic export` and `import`: logic, configs and states to a file and back, directly in Redis."""

import argparse

import msgspec

from pipeline.backup import archive
from pipeline.backup.restore import Restore
from pipeline.settings import Settings
from pipeline.store.audit import AuditTrail
from sandbox.parent.sandbox import Sandbox
from web.cli.commands import OK, WRONG
from web.cli.commands.direct import AUTHOR, connected
from web.cli.commands.screen import Screen


def export(arguments: argparse.Namespace) -> int:
    """Write a backup."""
    screen = Screen.of(arguments)
    with connected(Settings.from_environ()) as client:
        counts = archive.export(client, arguments.file)
    screen.document({"file": str(arguments.file)} | counts)
    screen.say(f"Wrote {counts['machines']} machines and {counts['profiles']} profiles to {arguments.file}.")
    return OK


def restore(arguments: argparse.Namespace) -> int:
    """Restore a backup."""
    screen, settings = Screen.of(arguments), Settings.from_environ()
    sandbox = Sandbox(settings.limits, allow_unconfined=settings.allow_unconfined_sandbox)
    with sandbox, connected(settings) as client:
        done = Restore(
            client,
            settings.signing_key,
            lambda source: sandbox.check(source).code,
            settings.alarm_journal_max,
        ).restore(arguments.file, only=arguments.replace or (), force=arguments.force, ahead=arguments.ahead)
        AuditTrail(client, settings).write(
            AUTHOR,
            "import",
            str(arguments.file),
            after={
                "machines": done.machines,
                "profiles": done.profiles,
                **({"topic_sources": done.topic_sources} if done.topic_sources else {}),
                **({"notification_routes": done.notification_routes} if done.notification_routes else {}),
            },
        )
    screen.document(msgspec.to_builtins(done))
    screen.say(f"Restored {done.machines} machines and {done.profiles} profiles.")
    if done.topic_sources:
        screen.say(f"Restored {done.topic_sources} sources of readings.")
    if done.notification_routes:
        screen.say(f"Restored {done.notification_routes} notification routes.")
    if done.refused:
        screen.note(
            f"This version refuses {len(done.refused)} of the sources. Readings of machines that run them "
            "become dead letters. Deploy corrected logic for these machines."
        )
    return WRONG if done.refused else OK
