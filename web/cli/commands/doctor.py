"""`iot-logic doctor`: check the servers and the host that a system needs, and say what to do about problems.

It connects to RabbitMQ and Redis directly, as the settings say, because it must work without the API.
"""

import argparse
import logging
from collections.abc import Iterator
from typing import Final

import msgspec

from pipeline.errors import SettingsError
from pipeline.settings import ADDRESS_HINT, Settings, is_address
from pipeline.store.client import connect
from web.cli.commands import OK, WRONG
from web.cli.commands.errors import Misused
from web.cli.commands.screen import Screen
from web.cli.doctor.finding import Finding, Level
from web.cli.doctor.host import check_ports, check_sandbox
from web.cli.doctor.management import check_management
from web.cli.doctor.rabbitmq import check_mqtt, check_rabbitmq
from web.cli.doctor.redis import check_redis
from web.cli.doctor.sources import check_sources
from web.cli.doctor.workers import check_workers

_MARKS: Final[dict[Level, tuple[str, str]]] = {
    "ok": ("✓ ", "green"),
    "note": ("• ", "yellow"),
    "wrong": ("✗ ", "red"),
}


def doctor(arguments: argparse.Namespace) -> int:
    """Run all checks and show their findings."""
    # The checks find and report the same problems that pika would log.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    screen, findings = Screen.of(arguments), list[Finding]()
    if arguments.management is not None and not is_address(arguments.management):
        raise Misused(f"The address of the management plugin is invalid. {ADDRESS_HINT}")
    for finding in _findings(Settings.from_environ(), arguments.management):
        findings.append(finding)
        screen.say(_MARKS[finding.level], (f"{finding.area:<10}", "bold"), finding.what)
        if finding.todo:
            screen.say(" " * 12, f"→ {finding.todo}")
    well = all(finding.level != "wrong" for finding in findings)
    screen.document({"well": well, "findings": msgspec.to_builtins(findings)})
    return OK if well else WRONG


def _findings(settings: Settings, management: str | None) -> Iterator[Finding]:
    try:
        client = connect(settings)
    except ValueError as e:
        raise SettingsError(f"IOT_LOGIC_REDIS_URL is invalid: {e}") from e
    try:
        yield from check_rabbitmq(settings)
        yield from check_management(settings, management)
        yield from check_mqtt(settings)
        yield from check_redis(client)
        yield from check_workers(client, settings)
        yield from check_sources(client, settings)
    finally:
        client.close()
    yield from check_sandbox(settings)
    yield from check_ports(settings)
