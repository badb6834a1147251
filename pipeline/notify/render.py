"""The messages of a delivery, for each kind of target. The same delivery always gives the same message.

A logic chooses the names, messages and details of alarms, so all texts are untrusted. In texts for people
they have no control characters, and so no line ends: an alarm cannot add a header or forge another alarm.
"""

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from pipeline.broker.alarm import PLANT, encode_alarm_event
from pipeline.clock import rfc3339
from pipeline.model.alarm import SEVERITIES, KeptChange
from pipeline.model.notification import Notification, NotificationRoute, Told, secret_bytes
from pipeline.settings import Settings
from pipeline.version import VERSION
from sandbox.words import cleaned

#: The media type of several CloudEvents (CloudEvents 1.0.2, JSON event format, section 4).
BATCH_TYPE: Final = "application/cloudevents-batch+json"

#: The `type` of the event that counts the changes that were left out.
OMITTED_EVENT_TYPE: Final = "iot-logic.alarms-omitted"

#: Maximum characters of a subject, and of a message in a text.
_SUBJECT: Final = 150
_MESSAGE: Final = 500
#: Maximum characters of a text for Apprise. Most services take more or split it.
_BODY: Final = 4_000

#: Services give these characters a meaning, for instance to call everyone in a room.
_NEUTRAL: Final = str.maketrans({"@": "＠", "<": "‹", ">": "›"})

_WORDS: Final = {
    "raised": "raised",
    "cleared": "cleared",
    "reminder": "still open",
    "escalated": "escalated",
    "test": "test",
}


def job_of(route: NotificationRoute, delivery: Notification, settings: Settings, now: int) -> dict[str, Any]:
    """Return the job of a delivery for `pipeline.notify.courier`. `now` is in milliseconds since 1970."""
    if route.webhook is not None:
        body = _events(delivery)
        return {
            "kind": "webhook",
            "url": route.webhook.url,
            "headers": _headers(delivery.id, body, route.webhook.secret or "", now // 1000),
            "body": body.decode(),
            "allow_private": route.allow_private,
        }
    title, text = subject_of(delivery), _text(delivery, settings.public_url)
    if route.email is not None:
        return {
            "kind": "email",
            "url": settings.smtp_url,
            "sender": settings.smtp_from,
            "to": list(route.email.to),
            "message": _mail(route, delivery, settings.smtp_from, title, text),
        }
    assert route.apprise is not None
    worst = max(SEVERITIES.index(each.change.change.alarm.severity) for each in delivery.told)
    is_over = all(each.reason == "cleared" for each in delivery.told)
    return {
        "kind": "apprise",
        "url": route.apprise.url,
        "title": title.translate(_NEUTRAL),
        "body": text[:_BODY].translate(_NEUTRAL),
        "type": "success" if is_over else "failure" if worst >= SEVERITIES.index("major") else "warning",
        "allow_private": route.allow_private,
    }


def mail_problem(settings: Settings) -> str | None:
    """Return why these settings do not allow to send e-mail; None if they do."""
    if not (settings.smtp_url and settings.smtp_from):
        return "This installation sends no e-mail. Set IOT_LOGIC_SMTP_URL and IOT_LOGIC_SMTP_FROM for the API"
    if not settings.smtp_url.startswith(("smtp://", "smtps://")):
        return "IOT_LOGIC_SMTP_URL must begin with smtp:// or smtps://"
    return None


def signature(secret: str, delivery_id: str, seconds: int, body: bytes) -> str:
    """Return the signature of a webhook's message, as Standard Webhooks defines it."""
    signed = f"{delivery_id}.{seconds}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret_bytes(secret), signed, hashlib.sha256)).decode()


def subject_of(delivery: Notification) -> str:
    """Return one line that says what a delivery is about."""
    worst = max(delivery.told, key=lambda each: SEVERITIES.index(each.change.change.alarm.severity))
    alarm = worst.change.change.alarm
    first = f"{where_of(worst.change)}: {alarm.name} {_WORDS[worst.reason]}"
    count = len(delivery.told) + delivery.more
    if count == 1:
        said = f" – {alarm.message}" if alarm.message else ""
        return cleaned(f"[{alarm.severity}] {first}{said}", _SUBJECT)
    return cleaned(
        f"[{alarm.severity}] {count:,} changes of alarms: {first} and {count - 1:,} more", _SUBJECT
    )


def where_of(kept: KeptChange) -> str:
    """Return what an alarm belongs to, for people."""
    return PLANT if kept.machine is None else kept.machine


def _text(delivery: Notification, page: str) -> str:
    parts = [_part(each, page) for each in delivery.told]
    if delivery.more:
        parts.append(f"And {delivery.more:,} more changes, which were left out because there were too many.")
    return "\n\n".join(parts) + f"\n\nSent by the route {delivery.route}.\n"


def _part(told: Told, page: str) -> str:
    change, machine = told.change.change, told.change.machine
    alarm = change.alarm
    lines = [
        f"{_WORDS[told.reason].capitalize()}: {alarm.name} of {where_of(told.change)} ({alarm.severity})",
        *([f"  {cleaned(alarm.message, _MESSAGE)}"] if alarm.message else []),
        f"  Raised at {rfc3339(alarm.raised / 1000)}",
    ]
    if alarm.cleared is not None:
        lines.append(f"  Cleared at {rfc3339(alarm.cleared / 1000)}")
    if alarm.times > 1:
        lines.append(f"  Raised {alarm.times:,} times since then")
    if page and told.reason != "test":
        query = urlencode({"q": machine or "", "name": alarm.name})
        lines.append(f"  {page.rstrip('/')}/#/alarms?{query}")
    return "\n".join(lines)


def _mail(route: NotificationRoute, delivery: Notification, sender: str, title: str, text: str) -> str:
    assert route.email is not None
    message = EmailMessage(policy=SMTP.clone(cte_type="7bit", max_line_length=78))
    message["From"] = cleaned(sender, 254)
    message["To"] = ", ".join(route.email.to)
    # `EmailMessage` decodes encoded words (RFC 2047), also to line ends, which would begin another header.
    message["Subject"] = title.replace("=?", "= ?")
    first = min(each.change.change.time for each in delivery.told)
    message["Date"] = format_datetime(datetime.fromtimestamp(first / 1000, UTC))
    domain = sender.rpartition("@")[2] or "iot-logic.invalid"
    message["Message-ID"] = f"<{delivery.id.replace(':', '.')}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    return message.as_bytes().decode("ascii")


def _events(delivery: Notification) -> bytes:
    """Return the body of a webhook: a list of CloudEvents."""
    events = [_event(each) for each in delivery.told]
    if delivery.more:
        last = delivery.told[-1].change.change.time
        events.append(
            {
                "specversion": "1.0",
                "id": delivery.id,
                "source": f"/notification-routes/{delivery.route}",
                "type": OMITTED_EVENT_TYPE,
                "time": rfc3339(last / 1000),
                "datacontenttype": "application/json",
                "data": {"omitted": delivery.more},
            }
        )
    return msgspec.json.encode(events)


def _event(told: Told) -> dict[str, Any]:
    """Return the event of a change. A reminder and an escalation are events of their own."""
    kept = told.change
    event: dict[str, Any] = msgspec.json.decode(
        encode_alarm_event(kept.machine, kept.change), type=dict[str, msgspec.Raw]
    )
    event["notification"] = told.reason
    if told.reason not in ("raised", "cleared") or told.count:
        suffix = f"{told.reason}-{told.count}" if told.count else told.reason
        event["id"] = f"alarm-{kept.change.number}.{suffix}"
    return event


def _headers(delivery_id: str, body: bytes, secret: str, seconds: int) -> dict[str, str]:
    return {
        "Content-Type": BATCH_TYPE,
        "User-Agent": f"iot-logic/{VERSION}",
        "Idempotency-Key": delivery_id,
        "webhook-id": delivery_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": signature(secret, delivery_id, seconds, body),
    }
