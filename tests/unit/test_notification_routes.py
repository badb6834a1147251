"""Routes of notifications: filters, quiet hours, and what is refused."""

import base64
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import RouteConflict, RouteRefused
from pipeline.model.alarm import Alarm, AlarmChange, KeptChange
from pipeline.model.notification import (
    AppriseService,
    Email,
    NotificationRoute,
    QuietHours,
    Webhook,
    check_escalations,
    checked_route,
    matches,
    quiet_until,
)
from pipeline.notify.guard import refusal

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
WEBHOOK = Webhook(url="https://example.com/x", secret=SECRET)
MAIL = Email(to=("a@example.com",))


def route(**fields: Any) -> NotificationRoute:
    return NotificationRoute(**({"email": MAIL} | fields))


def change(machine: str | None = "press-7", name: str = "hot", profile: str | None = None) -> KeptChange:
    alarm = Alarm(name, "major", "", b"{}", 1, logicprofile=profile)
    return KeptChange("1-1", machine, AlarmChange(1, "raised", 1, alarm))


@pytest.mark.parametrize(
    ("fields", "kept", "passes"),
    [
        ({}, change(), True),
        ({}, change(None), True),
        ({"severity": "major"}, change(), True),
        ({"severity": "critical"}, change(), False),
        ({"machine": "press-7"}, change(), True),
        ({"machine": "press"}, change(), False),
        ({"machine": "press*"}, change(), True),
        ({"machine": "oven*"}, change(None), True),
        ({"profile": "pumps"}, change(), False),
        ({"profile": "pumps"}, change(profile="pumps"), True),
        ({"profile": "pumps"}, change(None), True),
        ({"alarm": "hot"}, change(name="hot-2"), False),
        ({"alarm": "hot*"}, change(name="hot-2"), True),
        ({"scope": "machines"}, change(None), False),
        ({"scope": "plant"}, change(), False),
        ({"scope": "plant"}, change(None), True),
        ({"scope": "escalations"}, change(), False),
    ],
)
def test_a_filter_lets_some_changes_pass(fields: dict[str, Any], kept: KeptChange, passes: bool) -> None:
    assert matches(route(**fields), kept) is passes


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def hours(start: str, end: str, zone: str = "Europe/Berlin") -> QuietHours:
    return QuietHours(start=start, end=end, time_zone=zone)


@pytest.mark.parametrize(
    ("quiet", "now", "until"),
    [
        (hours("22:00", "06:00"), "2026-01-10T20:59", None),
        (hours("22:00", "06:00"), "2026-01-10T21:00", "2026-01-11T05:00"),
        (hours("22:00", "06:00"), "2026-01-11T04:59:59", "2026-01-11T05:00"),
        (hours("22:00", "06:00"), "2026-01-11T05:00", None),
        (hours("12:00", "13:30"), "2026-01-10T11:10", "2026-01-10T12:30"),
        (hours("12:00", "13:30"), "2026-01-10T12:30", None),
        # Clocks are set from 02:00 to 03:00 at 01:00 UTC.
        (hours("22:00", "06:00"), "2026-03-28T21:30", "2026-03-29T04:00"),
        (hours("22:00", "02:30"), "2026-03-28T23:00", "2026-03-29T01:00"),
        # Clocks are set from 03:00 to 02:00 at 01:00 UTC, so 02:30 comes twice.
        (hours("22:00", "06:00"), "2026-10-24T20:30", "2026-10-25T05:00"),
        (hours("22:00", "02:30"), "2026-10-24T20:30", "2026-10-25T00:30"),
        (hours("22:00", "02:30"), "2026-10-25T01:10", "2026-10-25T01:30"),
        (hours("01:00", "01:15", "Australia/Lord_Howe"), "2026-04-04T14:05", "2026-04-04T14:15"),
    ],
)
def test_quiet_hours_end_by_the_clock_of_their_zone(quiet: QuietHours, now: str, until: str | None) -> None:
    assert quiet_until(quiet, "major", at(now)) == (None if until is None else at(until))


def test_severe_alarms_are_told_in_quiet_hours() -> None:
    now = at("2026-01-10T23:00")
    quiet = QuietHours(start="22:00", end="06:00", time_zone="UTC", except_from="major")

    assert quiet_until(quiet, "minor", now) == at("2026-01-11T06:00")
    assert quiet_until(quiet, "major", now) is None
    assert quiet_until(quiet, "critical", now) is None
    quiet = QuietHours(start="22:00", end="06:00", time_zone="UTC", except_from=None)
    assert quiet_until(quiet, "critical", now) == at("2026-01-11T06:00")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"email": None}, "exactly one target"),
        ({"webhook": WEBHOOK}, "exactly one target"),
        ({"escalate_to": "x"}, "together"),
        ({"escalate_after_minutes": 5}, "together"),
        ({"scope": "plant", "machine": "x"}, "cannot have a machine"),
        ({"machine": "press-7\n"}, "no line end"),
        ({"alarm": "hot\n"}, "no line end"),
        ({"quiet_hours": hours("22:00", "22:00")}, "another end"),
        ({"quiet_hours": hours("22:00", "06:00", "Europe/Berlim")}, "Did you mean 'Europe/Berlin'"),
        ({"email": Email(to=("a@example.com\r\nBcc: b@example.com",))}, "is written as"),
        ({"email": None, "apprise": AppriseService()}, "at least one character"),
        ({"email": None, "apprise": AppriseService(url="a b")}, "printable ASCII"),
        ({"email": None, "webhook": Webhook(url="https://x.example")}, "needs a secret"),
        ({"email": None, "webhook": Webhook(url="https://x.example", secret="whsec_eA==")}, "24 to 64"),
        ({"email": None, "webhook": Webhook(url="https://x.example", secret="x" * 40)}, "24 to 64"),
        ({"email": None, "webhook": Webhook(url="ftp://x.example", secret=SECRET)}, "begins with https"),
        ({"email": None, "webhook": Webhook(url="https://", secret=SECRET)}, "begins with https"),
        ({"email": None, "webhook": Webhook(url="https://x:y@z.example", secret=SECRET)}, "no user"),
        ({"email": None, "webhook": Webhook(url="https://x.example:99999", secret=SECRET)}, "invalid"),
        ({"email": None, "webhook": Webhook(url="https://[::1", secret=SECRET)}, "invalid"),
        ({"email": None, "webhook": Webhook(url="https://x.example/\r\nA: b", secret=SECRET)}, "printable"),
    ],
)
def test_an_invalid_route_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(RouteRefused, match=reason):
        checked_route(route(**fields))


def test_a_route_keeps_its_secrets() -> None:
    webhook = route(email=None, webhook=WEBHOOK)
    apprise = route(email=None, apprise=AppriseService(url="ntfys://x.example/y"))

    assert checked_route(route(email=None, webhook=Webhook(url="https://new.example")), webhook) == route(
        email=None, webhook=Webhook(url="https://new.example", secret=SECRET)
    )
    assert checked_route(route(email=None, apprise=AppriseService(), severity="major"), apprise) == route(
        email=None, apprise=AppriseService(url="ntfys://x.example/y"), severity="major"
    )


def test_routes_escalate_to_others_but_not_in_a_circle() -> None:
    def to(name: str) -> NotificationRoute:
        return route(escalate_to=name, escalate_after_minutes=5)

    check_escalations("a", to("b"), {"b": to("c"), "c": route()})
    for name, changed, others, reason in (
        ("a", to("a"), {}, "a → a"),
        ("a", to("b"), {"b": to("a")}, "a → b → a"),
        ("c", to("b"), {"b": to("a"), "a": to("b")}, "c → b → a → b"),
        ("a", to("gone"), {}, "there is no such route"),
    ):
        with pytest.raises(RouteConflict, match=reason):
            check_escalations(name, changed, others)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - an address to refuse
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.192",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::10.0.0.1",
        "2002:7f00:1::",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "localhost",
        "",
    ],
)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert refusal(address) is not None


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert refusal(address) is None


@pytest.mark.parametrize("files", [[], [""], ["/etc/ssl/certs"]])
def test_a_delivery_reads_no_file_of_others(tmp_path: Path, files: list[str]) -> None:
    """In a process of its own, because the guard cannot be removed."""
    secret = tmp_path / "secret"
    secret.write_text("x")
    code = (
        "from pipeline.notify import guard\n"
        f"guard.install(allow_private=True, files={files})\n"
        f"open({str(secret)!r})"
    )
    command = [sys.executable, "-I", "-c", code]
    ended = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)

    assert f"AccessRefused: a delivery must not open {secret}" in ended.stderr
