"""Notifications: which changes of alarms are told to whom.

A *route* has a filter and one target: a webhook, e-mail addresses, or a service that Apprise supports. For
each alarm that a route was told of, it has a *watch*, from the change that raised the alarm to the one that
cleared or ended it. `pipeline.store.notifications` has the rules by which watches change, and
`pipeline.notify.notifier` turns them into messages.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct
from msgspec.structs import replace

from pipeline.errors import RouteConflict, RouteRefused, ScheduleRefused
from pipeline.model.alarm import SEVERITIES, KeptChange
from pipeline.model.time_zone import ZONE_NAME_CHARACTERS, zone_of
from pipeline.wire import MACHINE_ID_PATTERN
from sandbox.job import Severity

#: Maximum number of routes, and of e-mail addresses of a route.
ROUTES: Final = 50
ADDRESSES: Final = 20

#: The most changes in one message.
BATCH: Final = 50

#: Maximum characters of an address of a webhook or of Apprise.
_URL_CHARACTERS: Final = 2_000
#: Bytes of a secret, as Standard Webhooks recommends.
_SECRET_BYTES: Final = range(24, 65)
_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what comes before a secret

_MINUTE: Final = 60_000
_DAY_MINUTES: Final = 24 * 60
#: The most minutes by which a clock is set forward or back.
_SHIFT_MINUTES: Final = 150

_CLOCK_PATTERN: Final = "^([01][0-9]|2[0-3]):[0-5][0-9]$"
_CLOCK: Final = re.compile(_CLOCK_PATTERN)
_ADDRESS_PATTERN: Final = (
    r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,8}$"
)
_ADDRESS: Final = re.compile(_ADDRESS_PATTERN)
_PRINTABLE: Final = re.compile(r"[!-~]+")

#: Which alarms a route is for: all, those of machines, those of the plant itself, or only those that another
#: route escalates to it.
Scope = Literal["all", "machines", "plant", "escalations"]

#: Why somebody is told: an alarm was raised, cleared, is still open, or was escalated by another route; or
#: somebody tries the route.
Reason = Literal["raised", "cleared", "reminder", "escalated", "test"]


class QuietHours(Struct, frozen=True, kw_only=True):
    """The hours of a day in which a route tells nobody.

    What becomes due in them waits until their end, and is told only if the alarm is still open then.
    """

    start: Annotated[str, Meta(pattern=_CLOCK_PATTERN, description="When they begin.", examples=["22:00"])]
    end: Annotated[
        str,
        Meta(
            pattern=_CLOCK_PATTERN,
            description="When they end; on the next day, if that is before `start`.",
            examples=["06:00"],
        ),
    ]
    time_zone: Annotated[
        str,
        Meta(
            max_length=ZONE_NAME_CHARACTERS,
            description="The time zone, by its name of IANA.",
            examples=["Europe/Berlin"],
        ),
    ]
    except_from: Annotated[
        Severity | None,
        Meta(description="Alarms of this severity or a higher one are told anyway. null: none."),
    ] = "critical"


class Webhook(Struct, frozen=True, kw_only=True):
    """A webhook: each message is a signed POST of CloudEvents."""

    url: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=_URL_CHARACTERS,
            description="The address, with http or https.",
            examples=["https://shift.example.com/alarms"],
        ),
    ]
    secret: Annotated[
        str | None,
        Meta(
            description="The key of the signature: whsec_ and 24 to 64 random bytes in Base64. It is never "
            "shown. Without it, a change of a route keeps the secret.",
            examples=["whsec_bm90IGEgcmVhbCBzZWNyZXQsIG1ha2UgeW91ciBvd24="],
        ),
    ] = None


class Email(Struct, frozen=True, kw_only=True):
    """E-mail addresses. Each message goes to all of them, over the server in IOT_LOGIC_SMTP_URL."""

    to: Annotated[
        tuple[Annotated[str, Meta(pattern=_ADDRESS_PATTERN, max_length=254)], ...],
        Meta(
            min_length=1,
            max_length=ADDRESSES,
            description="The addresses.",
            examples=[["shift@example.com"]],
        ),
    ]


class AppriseService(Struct, frozen=True, kw_only=True):
    """A service that Apprise supports."""

    url: Annotated[
        Annotated[str, Meta(max_length=_URL_CHARACTERS)] | None,
        Meta(
            description="The address as Apprise reads it. It usually has a secret in it, so it is never "
            "shown. Without it, a change of a route keeps the address.",
            examples=["ntfys://ntfy.example.com/alarms"],
        ),
    ] = None


class NotificationRoute(Struct, frozen=True, kw_only=True):
    """Which alarms are told to whom: a filter, and one target: `webhook`, `email` or `apprise`."""

    severity: Annotated[
        Severity, Meta(description="The lowest severity that is told.", examples=["major"])
    ] = "warning"
    scope: Annotated[
        Scope,
        Meta(
            description="all: alarms of machines and of the plant itself. machines, plant: only these. "
            "escalations: only alarms that another route escalates to this one."
        ),
    ] = "all"
    machine: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9_-]{0,128}\*?$",
            description="Only alarms of this machine; with * at the end, of machines whose id starts with "
            "the text before it. Empty: of all machines. Alarms of the plant itself pass.",
            examples=["press-*"],
        ),
    ] = ""
    profile: Annotated[
        Annotated[str, Meta(pattern=f"^{MACHINE_ID_PATTERN}$")] | None,
        Meta(
            description="Only alarms that the logic of this profile raised. Alarms of the plant itself pass."
        ),
    ] = None
    alarm: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9_-]{0,64}\*?$",
            description="Only alarms with this name; with * at the end, whose name starts with the text "
            "before it. Empty: all.",
            examples=["bearing-*"],
        ),
    ] = ""
    cleared: Annotated[bool, Meta(description="Tell also when the alarm is cleared.")] = True
    per_minute: Annotated[
        int,
        Meta(
            ge=1,
            le=60,
            description="Maximum number of messages a minute, with repeated ones. Further changes wait, and "
            "go together into the next message.",
        ),
    ] = 6
    remind_minutes: Annotated[
        Annotated[int, Meta(ge=1, le=10_080)] | None,
        Meta(
            description="Minutes after which an open alarm is told again, and again, until somebody "
            "acknowledges it or it is cleared. null: never."
        ),
    ] = None
    escalate_to: Annotated[
        Annotated[str, Meta(pattern=f"^{MACHINE_ID_PATTERN}$")] | None,
        Meta(description="The route that is told too if nobody acknowledges the alarm in time."),
    ] = None
    escalate_after_minutes: Annotated[
        Annotated[int, Meta(ge=1, le=10_080)] | None,
        Meta(description="Minutes after which an alarm is escalated. Set it together with `escalate_to`."),
    ] = None
    quiet_hours: Annotated[
        QuietHours | None, Meta(description="The hours in which nobody is told. null: none.")
    ] = None
    allow_private: Annotated[
        bool,
        Meta(
            description="Allow private addresses, such as 10.0.0.5 or 127.0.0.1. Without it, a message "
            "to such an address is refused, also if a name stands for it."
        ),
    ] = False
    webhook: Annotated[Webhook | None, Meta(description="The target, if it is a webhook.")] = None
    email: Annotated[Email | None, Meta(description="The target, if it is e-mail.")] = None
    apprise: Annotated[
        AppriseService | None, Meta(description="The target, if it is a service that Apprise supports.")
    ] = None


class KeptRoute(Struct, frozen=True):
    """A route with its name. `revision` changes with each change of the route."""

    name: str
    revision: int
    route: NotificationRoute


class Told(Struct, frozen=True, array_like=True):
    """A change that somebody is told of, and why.

    `count` numbers the reminders of an alarm. Of a change that is sent without Redis, it identifies the time.
    """

    reason: Reason
    change: KeptChange
    count: int = 0


class Notification(Struct, frozen=True):
    """A message of a route, with the changes in it. They stay the same in all attempts.

    `more` is the number of changes that were left out because there were too many. `attempts` counts the
    attempts, and `error` is why the last one failed. Times are in milliseconds since 1970.
    """

    id: str
    route: str
    created: int
    told: tuple[Told, ...]
    more: int = 0
    attempts: int = 0
    error: str = ""
    last: int | None = None


class RouteState(Struct, frozen=True):
    """What happened last on a route. Times are in milliseconds since 1970.

    `recent` has the times of the attempts in the last minute.
    """

    delivered: int | None = None
    failed: int | None = None
    error: str = ""
    recent: tuple[int, ...] = ()


def matches(route: NotificationRoute, kept: KeptChange) -> bool:
    """Return whether the filter of a route lets a change pass."""
    alarm = kept.change.alarm
    if SEVERITIES.index(alarm.severity) < SEVERITIES.index(route.severity):
        return False
    if route.scope == "escalations" or not _fits(route.alarm, alarm.name):
        return False
    if kept.machine is None:
        return route.scope != "machines"
    return (
        route.scope != "plant"
        and _fits(route.machine, kept.machine)
        and (route.profile is None or route.profile == alarm.logicprofile)
    )


def quiet_until(quiet: QuietHours | None, severity: Severity, now: int) -> int | None:
    """Return when the quiet hours end that apply now; None if none apply. Times are in milliseconds."""
    if quiet is None:
        return None
    if quiet.except_from and SEVERITIES.index(severity) >= SEVERITIES.index(quiet.except_from):
        return None
    start, end = _minutes(quiet.start), _minutes(quiet.end)
    try:
        zone = zone_of(quiet.time_zone)
    except ScheduleRefused:
        return None  # it was checked, but this version does not have it: somebody must still be told

    def clock(time: int) -> int:
        local = datetime.fromtimestamp(time / 1000, zone)
        return local.hour * 60 + local.minute

    def applies(time: int) -> bool:
        minutes = clock(time)
        return start <= minutes < end if start < end else minutes >= start or minutes < end

    if not applies(now):
        return None
    # Near the end, look at each minute, because clocks may be set forward or back.
    far = max((end - clock(now)) % _DAY_MINUTES - _SHIFT_MINUTES, 0)
    until = now - now % _MINUTE + max(far, 1) * _MINUTE
    while applies(until):
        until += _MINUTE
    return until


def checked_route(route: NotificationRoute, before: NotificationRoute | None = None) -> NotificationRoute:
    """Return a route with the secrets that it keeps. Raises `RouteRefused` if it is invalid."""
    route = _with_secrets(route, before)
    targets = [each for each in (route.webhook, route.email, route.apprise) if each is not None]
    if len(targets) != 1:
        raise RouteRefused("A route needs exactly one target: webhook, email or apprise.")
    if (route.escalate_to is None) != (route.escalate_after_minutes is None):
        raise RouteRefused("Set escalate_to and escalate_after_minutes together, or neither.")
    if route.scope in ("plant", "escalations") and (route.machine or route.profile):
        raise RouteRefused(f"With the scope {route.scope}, a route cannot have a machine or a profile.")
    if any("\n" in each for each in (route.machine, route.profile or "", route.alarm)):
        # The patterns of the fields let one pass at the end.
        raise RouteRefused("A machine, a profile or an alarm has no line end in its name.")
    if route.quiet_hours is not None:
        _check_quiet_hours(route.quiet_hours)
    if route.webhook is not None:
        _check_webhook(route.webhook)
    if route.apprise is not None and not _PRINTABLE.fullmatch(route.apprise.url or ""):
        raise RouteRefused(
            "The address of a service has at least one character, and only printable ASCII characters "
            "without spaces. Percent-encode others."
        )
    if route.email is not None and not all(map(_ADDRESS.fullmatch, route.email.to)):
        raise RouteRefused("An e-mail address is written as name@example.com, with ASCII characters only.")
    return route


def check_escalations(name: str, route: NotificationRoute, others: Mapping[str, NotificationRoute]) -> None:
    """Raise `RouteConflict` if a route escalates to one that does not exist, or in a circle."""
    routes = {**others, name: route}
    passed = [name]
    while (following := routes[passed[-1]].escalate_to) is not None:
        if following not in routes:
            if len(passed) > 1:
                return  # another route's fault, which does not concern this one
            raise RouteConflict(f"The route {name!r} escalates to {following!r}, and there is no such route.")
        if following in passed:
            shown = " → ".join([*passed, following])
            raise RouteConflict(f"Routes cannot escalate in a circle: {shown}.")
        passed.append(following)


def secret_bytes(secret: str) -> bytes:
    """Return the key in a secret of a webhook. Raises `RouteRefused`."""
    try:
        found = base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if not secret.startswith(_SECRET_PREFIX) or len(found) not in _SECRET_BYTES:
        raise RouteRefused(
            "The secret of a webhook is whsec_ and 24 to 64 random bytes in Base64. Make one with: "
            'echo "whsec_$(openssl rand -base64 32)"'
        )
    return found


def _with_secrets(route: NotificationRoute, before: NotificationRoute | None) -> NotificationRoute:
    """Return a route with the secrets of the route before it, if it sets none itself."""
    if route.webhook is not None and route.webhook.secret is None and before and before.webhook:
        route = replace(route, webhook=replace(route.webhook, secret=before.webhook.secret))
    if route.apprise is not None and route.apprise.url is None and before and before.apprise:
        route = replace(route, apprise=before.apprise)
    return route


def _check_quiet_hours(quiet: QuietHours) -> None:
    if not (_CLOCK.fullmatch(quiet.start) and _CLOCK.fullmatch(quiet.end)) or quiet.start == quiet.end:
        raise RouteRefused("Quiet hours have a start and another end, as times of the day such as 22:00.")
    try:
        zone_of(quiet.time_zone)
    except ScheduleRefused as e:
        raise RouteRefused(str(e)) from e


def _check_webhook(webhook: Webhook) -> None:
    if webhook.secret is None:
        raise RouteRefused(
            "A webhook needs a secret, which signs the messages. Make one with: "
            'echo "whsec_$(openssl rand -base64 32)"'
        )
    secret_bytes(webhook.secret)
    try:
        parts = urlsplit(webhook.url)
        _ = parts.port
    except ValueError as e:
        raise RouteRefused(f"The address of the webhook is invalid: {e}.") from e
    if parts.scheme not in ("http", "https") or not parts.hostname or not _PRINTABLE.fullmatch(webhook.url):
        raise RouteRefused(
            "The address of a webhook begins with https:// or http:// and a host, and has only printable "
            "ASCII characters without spaces."
        )
    if "@" in parts.netloc or parts.fragment:
        raise RouteRefused("The address of a webhook has no user, no password and no fragment.")


def _minutes(clock: str) -> int:
    hour, _, minute = clock.partition(":")
    return int(hour) * 60 + int(minute)


def _fits(pattern: str, text: str) -> bool:
    if pattern.endswith("*"):
        return text.startswith(pattern[:-1])
    return not pattern or pattern == text
