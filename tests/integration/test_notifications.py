"""Notifications on a real Redis, with a web server and a mail server of the test."""

import base64
import email.policy
import hashlib
import hmac
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from threading import Event, Thread
from time import monotonic, time
from typing import Any

import msgspec
import pytest
import redis

from pipeline.model.notification import (
    AppriseService,
    Email,
    NotificationRoute,
    QuietHours,
    Webhook,
    checked_route,
    secret_bytes,
)
from pipeline.notify.courier import Courier
from pipeline.notify.notifier import GIVE_UP, LEASE, Notifier
from pipeline.settings import Settings
from pipeline.store.keys import NOTIFICATION_ROUTES_KEY, WATCHES_DUE_KEY, route_keys
from pipeline.store.notification_routes import NotificationRoutes
from pipeline.store.notifications import FAILED, PENDING, NotificationStore
from tests.support.alarm_changes import NOON, Journal, TestClock
from tests.support.targets import MailTarget, WebTarget, mail_target, web_target
from tests.support.waiting import wait_until
from web.schemas.notification import NewNotificationRoute

PAGE = Path(__file__).parents[2] / "docs" / "notifications.md"

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


class Desk:
    """A notifier on one Redis, its routes, and a journal. The test moves the clock."""

    def __init__(self, client: redis.Redis, settings: Settings, seconds: float = 10) -> None:
        self.clock = TestClock()
        self.journal = Journal(self.clock)
        self.client, self.settings = client, settings
        self.store, self.routes = NotificationStore(client), NotificationRoutes(client)
        self.notifier = self.another(seconds)

    def another(self, seconds: float = 10) -> Notifier:
        """Return the notifier of another API process."""
        return Notifier(self.settings, self.store, self.routes, Courier(seconds), clock=self.clock)

    def route(self, name: str, target: WebTarget, **fields: Any) -> None:
        """Create a route with a webhook on loopback."""
        fields = {"allow_private": True, "webhook": Webhook(url=target.url, secret=SECRET), **fields}
        self.routes.put(name, NotificationRoute(**fields))

    def work(self) -> None:
        """Do all that is due now."""
        self.notifier.follow()
        while self.notifier.work():
            pass

    def after(self, *, minutes: float = 0, seconds: float = 0) -> None:
        """Do all that is due after some time."""
        self.clock.forward(minutes=minutes, seconds=seconds)
        self.work()

    def until(self, time: str) -> None:
        """Do all that is due at a time, in UTC."""
        moment = round(datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp() * 1000)
        self.clock.now = moment
        self.work()


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, protocol=3) as client:
        yield client


@pytest.fixture
def web() -> Iterator[WebTarget]:
    with web_target() as target:
        yield target


@pytest.fixture
def other() -> Iterator[WebTarget]:
    with web_target() as target:
        yield target


@pytest.fixture
def mail() -> Iterator[MailTarget]:
    with mail_target() as target:
        yield target


@pytest.fixture
def desk(client: redis.Redis) -> Desk:
    return Desk(client, Settings())


def test_a_webhook_gets_each_change_once_with_a_signature(desk: Desk, web: WebTarget) -> None:
    desk.route("shift", web)
    changes = desk.journal.raised("press-7", message="too hot", details=b'{"celsius":97}')
    desk.notifier.take(changes)
    desk.notifier.take(changes)
    desk.another().take(changes)
    desk.work()

    (posted,) = web.posted
    (event,) = posted.events
    headers = {name.lower(): value for name, value in posted.headers.items()}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + posted.body
    expected = base64.b64encode(hmac.digest(secret_bytes(SECRET), signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["idempotency-key"] == headers["webhook-id"]
    assert headers["content-type"] == "application/cloudevents-batch+json"
    assert (event["type"], event["source"], event["id"]) == (
        "iot-logic.alarm",
        "/machines/press-7",
        "alarm-1",
    )
    assert event["data"]["details"] == {"celsius": 97}
    assert desk.notifier.counted["delivered"] == 1
    assert desk.store.counts(["shift"])["shift"].state.delivered == desk.clock.now


def test_the_check_of_the_signature_on_the_page_works(desk: Desk, web: WebTarget) -> None:
    desk.route("shift", web)
    desk.clock.now = round(time() * 1000)
    desk.notifier.take(desk.journal.raised("press-7"))
    desk.work()
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - the code of our own page
    (posted,) = web.posted

    assert names["is_genuine"](posted.headers, posted.body, SECRET)
    assert not names["is_genuine"](posted.headers, posted.body + b" ", SECRET)
    assert not names["is_genuine"](posted.headers, posted.body, SECRET.replace("a", "b"))


def test_the_routes_on_the_page_are_valid() -> None:
    found = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)

    assert len(found) == 5
    for each in found:
        checked_route(msgspec.json.decode(each, type=NewNotificationRoute).route())


def test_only_routes_whose_filter_matches_are_told(desk: Desk, web: WebTarget, other: WebTarget) -> None:
    desk.route("presses", web, machine="press-*", severity="major", alarm="hot", scope="machines")
    desk.route("plant", other, scope="plant")
    desk.notifier.take(desk.journal.raised("press-7", "hot"))
    desk.notifier.take(desk.journal.raised("press-7", "hot-2"))
    desk.notifier.take(desk.journal.raised("press-7", "cold"))
    desk.notifier.take(desk.journal.raised("oven", "hot"))
    desk.notifier.take(desk.journal.raised("press-8", "hot", "minor"))
    desk.notifier.take(desk.journal.raised(None, "no-worker", "critical"))
    desk.work()

    assert web.alarms == [("press-7", "raised")]
    assert other.alarms == [("plant", "raised")]
    assert other.posted[0].events[0]["source"] == "/plant"


def test_a_cleared_alarm_is_told_to_those_who_were_told_of_it(
    desk: Desk, web: WebTarget, other: WebTarget
) -> None:
    desk.route("shift", web)
    desk.route("raised-only", other, cleared=False)
    desk.notifier.take(desk.journal.raised("press-7"))
    desk.work()
    desk.notifier.take(desk.journal.acknowledged("press-7"))
    desk.notifier.take(desk.journal.cleared("press-7"))
    desk.work()
    desk.routes.delete("shift")
    desk.route("late", web)
    desk.notifier.take(desk.journal.cleared("press-7"))
    desk.work()

    assert web.alarms == [("press-7", "raised"), ("press-7", "cleared")]
    assert other.alarms == [("press-7", "raised")]


def test_a_failed_attempt_is_repeated_with_the_same_message(desk: Desk, web: WebTarget) -> None:
    desk.route("shift", web)
    web.statuses = [500, 429]
    desk.notifier.take(desk.journal.raised("press-7"))
    desk.work()
    desk.notifier.take(desk.journal.cleared("press-7"))
    desk.after(seconds=1)
    assert web.alarms == [("press-7", "raised"), ("press-7", "cleared")], "others do not wait for it"
    desk.after(seconds=20)
    desk.after(seconds=40)

    first, _, *again = web.posted
    repeated = {each.headers["webhook-id"] for each in again}
    assert len(again) == 2
    assert len(repeated) == 2
    assert first.headers["webhook-id"] in repeated
    assert first.body in {each.body for each in again}
    assert desk.store.totals() == (0, 0)
    state = desk.store.counts(["shift"])["shift"].state
    assert "the webhook answered 429" in state.error


def test_a_refused_connection_is_tried_again_until_a_day_has_passed(desk: Desk) -> None:
    with web_target() as gone:
        desk.route("shift", gone)
    desk.notifier.take(desk.journal.raised("press-7"))
    desk.work()
    (waiting,) = desk.store.waiting(["shift"])
    desk.clock.now += GIVE_UP
    desk.work()
    (failed,) = desk.store.failed("", 10)

    assert waiting.delivery.attempts == 1
    assert NOON + 8_000 <= waiting.time <= NOON + 12_000
    assert "cannot be reached: ConnectionRefusedError" in waiting.delivery.error
    assert failed.delivery.attempts == 2


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_an_answer_that_says_no_ends_a_delivery_and_it_can_be_sent_again(
    desk: Desk, web: WebTarget, status: int
) -> None:
    desk.route("shift", web)
    web.statuses = [status]
    desk.notifier.take(desk.journal.raised("press-7"))
    desk.work()
    (failed,) = desk.store.failed("", 10)
    assert f"the webhook answered {status}" in failed.delivery.error
    assert desk.store.totals() == (0, 1)
    assert desk.store.send_again(failed.delivery.id, desk.clock.now) is not None
    desk.work()

    one, two = web.posted
    assert one.headers["webhook-id"] == two.headers["webhook-id"]
    assert one.body == two.body
    assert desk.store.totals() == (0, 0)
    assert desk.store.send_again(failed.delivery.id, desk.clock.now) is None


def test_a_failed_delivery_can_be_discarded(desk: Desk, web: WebTarget) -> None:
    desk.route("shift", web)
    web.statuses = [410]
    desk.notifier.take(desk.journal.raised("press-7"))
    desk.work()
    (failed,) = desk.store.failed("", 10)

    assert desk.store.discard(failed.delivery.id)
    assert not desk.store.discard(failed.delivery.id)
    assert desk.store.totals() == (0, 0)


def test_a_target_that_hangs_is_given_up_in_time_and_others_are_told_meanwhile(
    client: redis.Redis, web: WebTarget, other: WebTarget
) -> None:
    desk = Desk(client, Settings(), seconds=4)
    desk.route("stuck", web)
    desk.route("fine", other)
    web.hangs = True
    began = monotonic()
    desk.notifier.take(desk.journal.raised("press-7"))
    desk.notifier.start()
    try:
        wait_until(lambda: other.alarms == [("press-7", "raised")], timeout=20)
        told_after = monotonic() - began
        wait_until(lambda: desk.notifier.counted["repeated"] == 1, timeout=20)
        given_up_after = monotonic() - began
    finally:
        desk.notifier.close()

    assert told_after < 4
    assert 4 <= given_up_after < 10
    (waiting,) = desk.store.waiting(["stuck"])
    assert waiting.delivery.error == "it did not end within 4 s and was stopped"


@pytest.mark.parametrize(
    ("answer", "counted"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nand so on", "delivered", id="a body without an end"),
        pytest.param(b"HTTP/1.1 200 " + b"\xe9" * 60_000 + b"\r\n\r\n", "delivered", id="a long reason"),
        pytest.param(
            b"HTTP/1.1 404 Not Found\r\nRetry-After: " + b"9" * 5_000 + b"\r\nContent-Length: 0\r\n\r\n",
            "failed",
            id="a time to wait that is no number of seconds",
        ),
    ],
)
def test_an_answer_counts_by_its_status(desk: Desk, answer: bytes, counted: str) -> None:
    ended = Event()

    def serve(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(answer)
            ended.wait(30)

    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=serve, args=(server,), daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        webhook = Webhook(url=url, secret=SECRET)
        desk.routes.put("shift", NotificationRoute(webhook=webhook, allow_private=True))
        desk.notifier.take(desk.journal.raised("press-7"))
        desk.work()
        ended.set()

    assert desk.notifier.counted[counted] == 1


def test_a_redirect_is_not_followed(desk: Desk, web: WebTarget) -> None:
    desk.route("shift", web)
    web.statuses, web.location = [302], web.url
    desk.notifier.take(desk.journal.raised("press-7"))
    desk.work()
    (failed,) = desk.store.failed("", 10)

    assert len(web.posted) == 1
    assert "Redirects are not followed" in failed.delivery.error


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "127.1", "[::1]", "2130706433"]
)
def test_a_private_address_is_refused_without_leave(desk: Desk, web: WebTarget, host: str) -> None:
    web.url = web.url.replace("127.0.0.1", host)
    desk.route("shift", web, allow_private=False)
    desk.notifier.take(desk.journal.raised("press-7"))
    desk.work()
    (failed,) = desk.store.failed("", 10)

    assert web.posted == []
    assert "is not a public one. Set allow_private" in failed.delivery.error


def test_a_name_that_stands_for_a_private_address_is_refused_too(desk: Desk, web: WebTarget) -> None:
    name = socket.gethostname()
    address = socket.gethostbyname(name)
    web.url = web.url.replace("127.0.0.1", name)
    desk.route("shift", web, allow_private=False)
    desk.notifier.take(desk.journal.raised("press-7"))
    desk.work()
    (failed,) = desk.store.failed("", 10)

    assert f"the address {address} is not a public one" in failed.delivery.error


def test_a_message_is_sent_again_after_a_crash_between_sending_and_noting(
    desk: Desk, web: WebTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.route("shift", web)
    desk.notifier.take(desk.journal.raised("press-7"))
    dying = desk.another()
    settle = NotificationStore.settle

    def lost(*_: Any, **__: Any) -> None:
        raise redis.ConnectionError("this process is killed")

    monkeypatch.setattr(NotificationStore, "settle", lost)
    with pytest.raises(redis.ConnectionError):
        dying.work()
    monkeypatch.setattr(NotificationStore, "settle", settle)
    desk.work()
    assert len(web.posted) == 1, "the lease is not over"
    desk.clock.now += LEASE
    desk.work()

    one, two = web.posted
    assert one.headers["webhook-id"] == two.headers["webhook-id"]
    assert one.body == two.body
    assert desk.store.totals() == (0, 0)


def test_a_killed_process_leaves_its_delivery_to_another_one(
    desk: Desk, web: WebTarget, redis_url: str
) -> None:
    desk.route("shift", web)
    web.hangs = True
    desk.notifier.take(desk.journal.raised("press-7"))
    script = (
        "import redis\n"
        "from pipeline.notify.courier import Courier\n"
        "from pipeline.notify.notifier import Notifier\n"
        "from pipeline.settings import Settings\n"
        "from pipeline.store.notification_routes import NotificationRoutes\n"
        "from pipeline.store.notifications import NotificationStore\n"
        f"client = redis.Redis.from_url({redis_url!r}, protocol=3)\n"
        "Notifier(Settings(), NotificationStore(client), NotificationRoutes(client), Courier(),"
        f" clock=lambda: {desk.clock.now}).work()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script])
    try:
        wait_until(lambda: len(web.posted) == 1, timeout=30)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    web.hangs = False
    desk.clock.now += LEASE
    desk.work()

    one, two = web.posted
    assert one.headers["webhook-id"] == two.headers["webhook-id"]
    assert one.body == two.body


def test_an_open_alarm_is_told_again_until_it_is_acknowledged(desk: Desk, web: WebTarget) -> None:
    desk.route("shift", web, remind_minutes=30)
    desk.notifier.take(desk.journal.raised("press-7"))
    desk.work()
    for _ in range(3):
        desk.after(minutes=30)
    reminders = web.alarms[1:]
    ids = [each.events[0]["id"] for each in web.posted]
    desk.notifier.take(desk.journal.acknowledged("press-7"))
    desk.after(minutes=300)

    assert reminders == [("press-7", "reminder")] * 3
    assert web.alarms[1:] == reminders
    assert ids == ["alarm-1", "alarm-1.reminder-1", "alarm-1.reminder-2", "alarm-1.reminder-3"]


def test_a_more_severe_alarm_is_told_again_and_begins_its_reminders_again(desk: Desk, web: WebTarget) -> None:
    desk.route("shift", web, remind_minutes=30)
    desk.notifier.take(desk.journal.raised("press-7", severity="minor"))
    desk.work()
    desk.notifier.take(desk.journal.acknowledged("press-7"))
    desk.notifier.take(desk.journal.raised("press-7", severity="critical"))
    desk.work()
    desk.after(minutes=30)
    desk.notifier.take(desk.journal.raised("press-7", severity="minor"))
    desk.work()

    assert [reason for _, reason in web.alarms] == ["raised", "raised", "reminder"]


def test_an_alarm_that_nobody_acknowledges_is_escalated(desk: Desk, web: WebTarget, other: WebTarget) -> None:
    desk.route("manager", other, scope="escalations", remind_minutes=60)
    desk.route("shift", web, escalate_to="manager", escalate_after_minutes=15)
    for machine in ("press-7", "press-8", "press-9"):
        desk.notifier.take(desk.journal.raised(machine))
    desk.notifier.take(desk.journal.acknowledged("press-8"))
    desk.notifier.take(desk.journal.cleared("press-9"))
    desk.work()
    desk.after(minutes=14)
    assert other.alarms == []
    desk.after(minutes=1)
    assert other.alarms == [("press-7", "escalated")]
    desk.after(minutes=60)
    desk.notifier.take(desk.journal.acknowledged("press-7"))
    desk.after(minutes=60)
    desk.notifier.take(desk.journal.cleared("press-7"))
    desk.work()

    assert [reason for _, reason in other.alarms] == ["escalated", "reminder", "cleared"]


def test_a_shelved_alarm_is_told_to_nobody_until_it_is_unshelved(desk: Desk, web: WebTarget) -> None:
    desk.route("shift", web, remind_minutes=30)
    desk.notifier.take(desk.journal.raised("press-7"))
    desk.notifier.take(desk.journal.raised("press-8"))
    desk.work()
    desk.notifier.take(desk.journal.shelved("press-7"))
    desk.notifier.take(desk.journal.shelved("press-8"))
    desk.notifier.take(desk.journal.raised("press-7", severity="critical"))
    desk.notifier.take(desk.journal.cleared("press-8"))
    desk.after(minutes=45)
    assert len(web.alarms) == 2
    desk.notifier.take(desk.journal.unshelved("press-7"))
    desk.notifier.take(desk.journal.unshelved("press-8"))
    desk.work()
    desk.after(minutes=30)

    assert web.alarms[2:] == [("press-7", "raised"), ("press-7", "reminder")]


def test_an_ended_alarm_is_not_told_any_more(desk: Desk, web: WebTarget) -> None:
    desk.route("shift", web, remind_minutes=30)
    desk.notifier.take(desk.journal.raised("press-7"))
    desk.work()
    desk.notifier.take(desk.journal.ended("press-7"))
    desk.after(minutes=60)

    assert web.alarms == [("press-7", "raised")]


NIGHT = QuietHours(start="22:00", end="06:00", time_zone="Europe/Berlin")


def test_what_is_raised_in_quiet_hours_is_told_at_their_end_if_it_is_still_open(
    desk: Desk, web: WebTarget
) -> None:
    # In the night to 2026-03-29, clocks in Berlin are set from 02:00 to 03:00.
    desk.route("shift", web, quiet_hours=NIGHT, remind_minutes=60)
    desk.until("2026-03-28T20:59")
    desk.notifier.take(desk.journal.raised("before"))
    desk.until("2026-03-28T21:00")
    desk.notifier.take(desk.journal.raised("open"))
    desk.notifier.take(desk.journal.raised("cleared"))
    desk.notifier.take(desk.journal.raised("known"))
    desk.notifier.take(desk.journal.raised("worst", severity="critical"))
    desk.work()
    desk.notifier.take(desk.journal.cleared("cleared"))
    desk.notifier.take(desk.journal.acknowledged("known"))
    desk.notifier.take(desk.journal.cleared("before"))
    for hour in ("01:00", "03:59"):
        desk.until(f"2026-03-29T{hour}")
    assert [each for each in web.alarms if each[1] == "raised"] == [("before", "raised"), ("worst", "raised")]
    assert ("before", "cleared") not in web.alarms
    # 06:00 in summer is 04:00 UTC.
    desk.until("2026-03-29T04:00")
    told = web.alarms[-2:]

    assert sorted(told) == [("before", "cleared"), ("open", "raised")]
    desk.notifier.take(desk.journal.cleared("cleared", "no-such-alarm"))
    desk.until("2026-03-29T05:00")
    assert ("open", "reminder") in web.alarms
    assert [name for name, _ in web.alarms if name in ("cleared", "known")] == []


def test_a_flood_of_alarms_becomes_few_messages_and_the_rest_is_counted(desk: Desk, web: WebTarget) -> None:
    desk.route("shift", web, per_minute=3)
    changes = [each for n in range(1_000) for each in desk.journal.raised(f"m-{n}")]
    changes += desk.journal.raised("worst", severity="critical")
    desk.notifier.take(changes)
    desk.work()
    first_minute = len(web.posted)
    desk.after(seconds=59)
    assert len(web.posted) == first_minute
    for _ in range(3):
        desk.after(minutes=1)

    assert first_minute == 3
    assert ("worst", "raised") in web.posted[0].alarms
    assert all(len(each.alarms) <= 50 for each in web.posted)
    omitted = [
        event["data"]["omitted"]
        for each in web.posted
        for event in each.events
        if event["type"] == "iot-logic.alarms-omitted"
    ]
    assert len(web.alarms) == PENDING + 1
    assert omitted == [1_000 - PENDING]


def test_an_alarm_that_comes_and_goes_takes_the_place_of_one(desk: Desk, web: WebTarget) -> None:
    desk.route("shift", web)
    changes = []
    for _ in range(100):
        changes += desk.journal.raised("press-7")
        changes += desk.journal.cleared("press-7")
    desk.notifier.take(changes)
    desk.work()

    (posted,) = web.posted
    assert posted.alarms == [("press-7", "raised"), ("press-7", "cleared")]
    assert posted.events[-1]["data"]["omitted"] == 198


def test_a_target_that_is_back_gets_what_waits(desk: Desk, web: WebTarget) -> None:
    desk.route("shift", web)
    web.statuses = [503] * 1_000
    for number in range(25):
        desk.notifier.take(desk.journal.raised(f"m-{number}"))
        desk.after(minutes=1)
    assert desk.store.totals()[0] <= 20
    web.statuses = []
    web.posted.clear()
    for _ in range(20):
        desk.after(minutes=1)

    assert {machine for machine, _ in web.alarms} == {f"m-{number}" for number in range(25)}
    assert desk.store.totals() == (0, 0)


def test_a_mail_has_what_was_raised_and_no_header_of_the_logic(client: redis.Redis, mail: MailTarget) -> None:
    settings = Settings(smtp_url=mail.url, smtp_from="plant@example.com", public_url="https://plant.example")
    desk = Desk(client, settings)
    desk.routes.put("shift", NotificationRoute(email=Email(to=("anna@example.com", "ben@example.com"))))
    evil = "hot\r\nBcc: eve@example.com\r\n\r\nPay\u202e now\0 – 97 °C"
    desk.notifier.take(desk.journal.raised("press-7", message=evil))
    desk.work()

    (content,) = mail.messages
    message = message_from_bytes(content, policy=email.policy.default)
    text = message.get_content()
    assert mail.recipients == [["anna@example.com", "ben@example.com"]]
    assert message["Bcc"] is None
    assert message["Subject"] == "[major] press-7: hot raised – hot Bcc: eve@example.com Pay? now? – 97 °C"
    assert message["To"] == "anna@example.com, ben@example.com"
    assert message["From"] == "plant@example.com"
    assert re.fullmatch(r"<shift\.[0-9a-f]{32}@example\.com>", message["Message-ID"])
    assert "hot Bcc: eve@example.com Pay? now? – 97 °C" in text
    assert "https://plant.example/#/alarms?q=press-7&name=hot" in text
    assert "‮" not in text


@pytest.mark.parametrize(
    "evil",
    [
        "=?utf-8?q?x=0d=0aBcc:_eve@example.com?=",
        "=?utf-8?q?x=0d=0a=0d=0aPay_now?= =?utf-8?q?=0aBcc:_eve@example.com?=",
        "=?utf-8?b?////?= =?x-unknown?q?aa?=",
        "=?utf-8?q?=E2=80=AEevil=1b[31m?=",
        "==??utf-8?q?=0aBcc:_eve?=",
    ],
)
def test_an_encoded_word_of_a_logic_is_sent_as_it_is_written(
    client: redis.Redis, mail: MailTarget, evil: str
) -> None:
    desk = Desk(client, Settings(smtp_url=mail.url, smtp_from="plant@example.com"))
    desk.routes.put("shift", NotificationRoute(email=Email(to=("anna@example.com",))))
    desk.notifier.take(desk.journal.raised("press-7", message=evil))
    desk.work()

    (content,) = mail.messages
    message = message_from_bytes(content, policy=email.policy.default)
    assert message["Bcc"] is None
    assert message["Subject"] == f"[major] press-7: hot raised – {evil.replace('=?', '= ?')}"
    assert message.get_content().startswith("Raised: hot of press-7 (major)")


def test_a_mail_that_is_refused_by_all_recipients_fails_for_good(
    client: redis.Redis, mail: MailTarget
) -> None:
    desk = Desk(client, Settings(smtp_url=mail.url, smtp_from="plant@example.com"))
    desk.routes.put("shift", NotificationRoute(email=Email(to=("anna@example.com", "ben@example.com"))))
    mail.refused = ("anna",)
    desk.notifier.take(desk.journal.raised("press-7"))
    desk.work()
    assert mail.recipients == [["ben@example.com"]]
    mail.refused = ("anna", "ben")
    desk.notifier.take(desk.journal.raised("press-8"))
    desk.work()

    (failed,) = desk.store.failed("", 10)
    assert "anna@example.com: 550 no such user" in failed.delivery.error


def test_a_mail_that_was_accepted_is_delivered_whatever_the_server_says_afterwards(
    client: redis.Redis, mail: MailTarget
) -> None:
    desk = Desk(client, Settings(smtp_url=mail.url, smtp_from="plant@example.com"))
    desk.routes.put("shift", NotificationRoute(email=Email(to=("anna@example.com",))))
    mail.leaves = "500 what did you say"
    desk.notifier.take(desk.journal.raised("press-7"))
    desk.work()

    assert len(mail.messages) == 1
    assert desk.notifier.counted == {"delivered": 1, "repeated": 0, "failed": 0}
    assert desk.store.totals() == (0, 0)


def test_a_mail_server_that_is_silent_is_given_up_in_time(client: redis.Redis) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"smtp://127.0.0.1:{silent.getsockname()[1]}"
        desk = Desk(client, Settings(smtp_url=url, smtp_from="plant@example.com"), seconds=2)
        desk.routes.put("shift", NotificationRoute(email=Email(to=("anna@example.com",))))
        desk.notifier.take(desk.journal.raised("press-7"))
        began = monotonic()
        desk.work()
        (waiting,) = desk.store.waiting(["shift"])

    assert monotonic() - began < 5
    assert waiting.delivery.error == "it did not end within 2 s and was stopped"


def test_a_mail_waits_while_the_setting_of_the_server_is_wrong(client: redis.Redis) -> None:
    desk = Desk(client, Settings(smtp_url="http://x:secret@127.0.0.1", smtp_from="plant@example.com"))
    desk.routes.put("shift", NotificationRoute(email=Email(to=("anna@example.com",))))
    desk.notifier.take(desk.journal.raised("press-7"))
    desk.work()
    (waiting,) = desk.store.waiting(["shift"])

    assert waiting.delivery.error == "IOT_LOGIC_SMTP_URL must begin with smtp:// or smtps://"


def test_new_alarms_do_not_wait_for_a_message_that_always_fails(desk: Desk, web: WebTarget) -> None:
    desk.route("shift", web, per_minute=1)
    web.statuses = [500] * 3
    for number in range(3):
        desk.notifier.take(desk.journal.raised(f"m-{number}"))
        desk.work()
        desk.notifier.take(desk.journal.raised(f"n-{number}"))
        desk.after(minutes=1)
    for _ in range(10):
        desk.after(minutes=1)

    assert {f"n-{number}" for number in range(3)} < {machine for machine, _ in web.alarms}
    assert desk.store.totals() == (0, 0)


def test_reminders_take_no_place_from_new_alarms(desk: Desk, web: WebTarget) -> None:
    desk.route("shift", web, per_minute=60, remind_minutes=10)
    desk.notifier.take([each for n in range(200) for each in desk.journal.raised(f"m-{n}")])
    desk.work()
    desk.clock.forward(minutes=10)
    desk.notifier.follow()
    desk.notifier.take([each for n in range(200) for each in desk.journal.raised(f"n-{n}")])
    web.posted.clear()
    desk.work()

    reasons = [reason for _, reason in web.alarms]
    assert (reasons.count("reminder"), reasons.count("raised")) == (100, 200)


def test_a_damaged_route_does_not_stop_the_others(desk: Desk, web: WebTarget, client: redis.Redis) -> None:
    desk.route("shift", web)
    client.hset(NOTIFICATION_ROUTES_KEY, "damaged", b"nonsense")
    desk.notifier.take(desk.journal.raised("press-7"))
    desk.work()

    assert web.alarms == [("press-7", "raised")]


def test_a_damaged_watch_does_not_stop_new_alarms(desk: Desk, web: WebTarget, client: redis.Redis) -> None:
    desk.route("shift", web)
    client.hset(route_keys("shift")[2], "press-7\0hot", b"1damaged")
    client.zadd(WATCHES_DUE_KEY, {"shift\0press-7\0hot\0m": 1})
    desk.notifier.start()
    try:
        desk.notifier.take(desk.journal.raised("press-8"))
        wait_until(lambda: web.alarms == [("press-8", "raised")])
    finally:
        desk.notifier.close()


def test_apprise_sends_to_its_services(desk: Desk, web: WebTarget) -> None:
    url = web.url.replace("http://", "json://")
    desk.routes.put("chat", NotificationRoute(apprise=AppriseService(url=url), allow_private=True))
    desk.notifier.take(desk.journal.raised("press-7", message="@everyone <!channel>"))
    desk.work()

    (posted,) = web.posted
    assert b"press-7: hot raised" in posted.body
    assert b"@everyone" not in posted.body
    assert b"<!" not in posted.body


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("json://127.0.0.1:9/", "is not a public one"),
        ("mailto://127.0.0.1:9/?from=a@b.example&to=c@d.example", "is not a public one"),
        ("rsyslog://127.0.0.1:9/", "is not a public one"),
        ("syslog://", "acts on the host of the API"),
        ("nonsense://x", "does not know this kind of address"),
    ],
)
def test_apprise_is_refused_private_addresses_and_local_services(desk: Desk, url: str, reason: str) -> None:
    desk.routes.put("chat", NotificationRoute(apprise=AppriseService(url=url)))
    desk.notifier.take(desk.journal.raised("press-7"))
    desk.work()
    (failed,) = desk.store.failed("", 10)

    assert reason in failed.delivery.error


def test_a_deleted_route_drops_what_waits(desk: Desk, web: WebTarget, client: redis.Redis) -> None:
    desk.route("shift", web, remind_minutes=5)
    web.statuses = [500, 404]
    desk.notifier.take(desk.journal.raised("press-7"))
    desk.work()
    desk.notifier.take(desk.journal.raised("press-8"))
    desk.work()
    desk.notifier.take(desk.journal.raised("press-9"))
    assert desk.store.totals() == (1, 1)
    assert desk.routes.delete("shift") is not None
    desk.after(minutes=60)

    assert len(web.posted) == 2
    assert desk.store.totals() == (0, 0)
    left = {key for key in client.keys("{notifications}:*") if b"routes:changes" not in key}
    assert left == {b"{notifications}:taken"}


def test_failed_deliveries_are_bounded_and_read_a_page_at_a_time(
    desk: Desk, web: WebTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.store.notifications.FAILED", 3)
    desk.route("shift", web, per_minute=60)
    web.statuses = [404] * 5
    for number in range(5):
        desk.notifier.take(desk.journal.raised(f"m-{number}"))
        desk.after(seconds=2)
    found = [each.delivery.told[0].change.machine for each in desk.store.failed("", 10)]
    first = desk.store.failed("", 1)[0].cursor
    rest = [each.delivery.told[0].change.machine for each in desk.store.failed(first, 10)]

    assert FAILED == 1_000
    assert found == ["m-4", "m-3", "m-2"]
    assert rest == ["m-3", "m-2"]


def test_two_processes_make_each_delivery_once(desk: Desk, web: WebTarget) -> None:
    for number in range(6):
        desk.route(f"route-{number}", web)
    one, two = desk.another(), desk.another()
    one.take(desk.journal.raised("press-7"))

    def work(notifier: Notifier) -> None:
        while notifier.work():
            pass

    threads = [Thread(target=work, args=(each,)) for each in (one, two)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert len(web.posted) == 6
    assert len({each.headers["webhook-id"] for each in web.posted}) == 6


def test_an_alarm_is_sent_without_redis(desk: Desk, web: WebTarget, client: redis.Redis) -> None:
    desk.route("shift", web, scope="plant")
    desk.notifier.take([])
    desk.notifier.start()
    try:
        client.flushall()
        (change,) = desk.journal.raised(None, "redis-down", "critical")
        desk.notifier.send_now(change)
        wait_until(lambda: web.alarms == [("plant", "raised")], timeout=20)
    finally:
        desk.notifier.close()
