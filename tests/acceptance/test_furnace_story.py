"""The story of the docs: a furnace falls silent, a person is told and reminded, and the furnace returns."""

import email
import email.policy
from collections.abc import Iterator

import pytest

from pipeline.clock import milliseconds, milliseconds_now
from pipeline.notify.courier import Courier
from pipeline.notify.notifier import Notifier
from pipeline.settings import Settings
from pipeline.store.client import connect
from pipeline.store.keys import WATCHES_DUE_KEY
from pipeline.store.notification_routes import NotificationRoutes
from pipeline.store.notifications import NotificationStore
from tests.acceptance.test_alarms import alarms, states
from tests.acceptance.test_timers import publish
from tests.support.installation import Installation
from tests.support.targets import MailTarget, WebTarget, mail_target, web_target
from tests.support.waiting import wait_until

#: As on the page about alarms.
SILENCE = """
def process(data, state):
    clear_alarm("silent")
    set_timer("silence", minutes=45)

def on_timer(timer, state):
    raise_alarm("silent", severity="major", message="No reading for 45 minutes", since=timer["due"])
"""

HOUR = 3_600_000


@pytest.fixture
def phone() -> Iterator[WebTarget]:
    with web_target() as target:
        yield target


@pytest.fixture
def mailbox() -> Iterator[MailTarget]:
    with mail_target() as target:
        yield target


def later(plant: Installation, milliseconds: int, mailbox: MailTarget) -> Notifier:
    """Return the notifications of an API whose clock is ahead."""
    client = connect(Settings(redis_url=plant.redis_url))
    settings = Settings(smtp_url=mailbox.url, smtp_from="plant@example.com")
    return Notifier(
        settings,
        NotificationStore(client),
        NotificationRoutes(client),
        Courier(),
        clock=lambda: milliseconds_now() + milliseconds,
    )


def pass_time(notifier: Notifier) -> None:
    """Send what is due now, and what the other processes leave."""
    notifier.follow()
    while notifier.work():
        pass


def test_a_furnace_falls_silent_and_returns(
    installation: Installation, phone: WebTarget, mailbox: MailTarget
) -> None:
    installation.environ |= {
        "IOT_LOGIC_SMTP_URL": mailbox.url,
        "IOT_LOGIC_SMTP_FROM": "plant@example.com",
    }
    installation.start_api()
    installation.start_worker()
    installation.upload("furnace", SILENCE)
    client = installation.client
    web = {"url": phone.url, "secret": "whsec_" + "c2VjcmV0IG9mIHRoZSBzaGlmdCdzIHBob25l"}
    for name, route in {
        "phone": {"webhook": web, "allow_private": True, "remind_minutes": 60, "scope": "machines"},
        "shift": {"email": {"to": ["shift@example.com"]}, "severity": "major", "scope": "machines"},
    }.items():
        client.put(f"/notification-routes/{name}", json=route).raise_for_status()

    # The last reading came three hours ago, so its timer is due since long.
    last = milliseconds_now() - 3 * HOUR
    publish(installation, "furnace", {"celsius": 850}, sent=last)
    wait_until(lambda: states(installation, machine="furnace"), 90)
    [alarm] = alarms(installation, machine="furnace")
    assert (alarm["name"], alarm["state"], alarm["severity"]) == ("silent", "unacknowledged", "major")
    assert milliseconds(alarm["details"]["since"]) == last + 45 * 60_000

    # Somebody is told, by both ways, once.
    wait_until(lambda: phone.alarms == [("furnace", "raised")] and len(mailbox.messages) == 1, 60)
    mail = email.message_from_bytes(mailbox.messages[0], policy=email.policy.default)
    assert mailbox.recipients == [["shift@example.com"]]
    assert "furnace" in mail["Subject"]
    assert "No reading for 45 minutes" in mail.get_content()

    wait_until(lambda: is_quiet(installation))

    # An hour later nobody has acknowledged: the phone is reminded.
    pass_time(later(installation, HOUR + 60_000, mailbox))
    assert phone.alarms == [("furnace", "raised"), ("furnace", "reminder")]

    # A person acknowledges. Another hour later, nobody is reminded.
    comment = {"comment": "The gateway has no power", "raised": alarm["raised"]}
    path = "/machines/furnace/alarms/silent/acknowledge"
    assert client.post(path, json=comment).json()["state"] == "acknowledged"
    wait_until(lambda: not planned(installation))
    pass_time(later(installation, 2 * HOUR + 120_000, mailbox))
    assert phone.alarms == [("furnace", "raised"), ("furnace", "reminder")]

    # Readings come back: the alarm is over, and both are told.
    publish(installation, "furnace", {"celsius": 840})
    wait_until(lambda: states(installation, machine="furnace") == [], 60)
    wait_until(lambda: phone.alarms[2:] == [("furnace", "cleared")] and len(mailbox.messages) == 2, 60)
    journal = client.get("/alarms/journal", params={"machine": "furnace"}).json()["changes"]
    assert [(each["action"], each["comment"]) for each in reversed(journal)] == [
        ("raised", ""),
        ("acknowledged", "The gateway has no power"),
        ("cleared", ""),
    ]


def is_quiet(plant: Installation) -> bool:
    """Return whether all that was to be told is told, and noted as delivered."""
    routes = plant.client.get("/notification-routes").json()["routes"]
    return not any(each["pending"] or each["waiting"] or not each["last_delivered"] for each in routes)


def planned(plant: Installation) -> int:
    """Return how many reminders are planned."""
    return int(connect(Settings(redis_url=plant.redis_url)).zcard(WATCHES_DUE_KEY))
