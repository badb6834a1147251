"""Routes of notifications, and notifications, as clients see them."""

from typing import Annotated, Literal, Self

import msgspec
from msgspec import Meta, Struct

from pipeline.clock import rfc3339
from pipeline.model.notification import (
    AppriseService,
    Email,
    KeptRoute,
    NotificationRoute,
    QuietHours,
    Reason,
    Scope,
    Told,
    Webhook,
)
from pipeline.store.notifications import RouteCounts, Shown
from sandbox.job import Severity

#: The most changes of a notification that a list shows.
_CHANGES = 5


class NewQuietHours(QuietHours, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The hours of a day in which a route tells nobody.

    What becomes due in them waits until their end, and is told only if the alarm is still open then.
    """


class NewWebhook(Webhook, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A webhook: each message is a signed POST of CloudEvents."""


class NewEmail(Email, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """E-mail addresses. Each message goes to all of them, over the server in IOT_LOGIC_SMTP_URL."""


class NewAppriseService(AppriseService, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service that Apprise supports."""


class NewNotificationRoute(NotificationRoute, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which alarms are told to whom: a filter, and one target: `webhook`, `email` or `apprise`."""

    quiet_hours: Annotated[
        NewQuietHours | None, Meta(description="The hours in which nobody is told. null: none.")
    ] = None
    webhook: Annotated[NewWebhook | None, Meta(description="The target, if it is a webhook.")] = None
    email: Annotated[NewEmail | None, Meta(description="The target, if it is e-mail.")] = None
    apprise: Annotated[
        NewAppriseService | None, Meta(description="The target, if it is a service that Apprise supports.")
    ] = None

    def route(self) -> NotificationRoute:
        """Return the route as it is stored."""
        return msgspec.convert(self, NotificationRoute, from_attributes=True)


class WebhookDetails(Struct):
    """A webhook. Its secret is not shown."""

    url: str
    has_secret: bool


class EmailDetails(Struct):
    """E-mail addresses."""

    to: list[str]


class AppriseDetails(Struct):
    """A service that Apprise supports. Its address is not shown, only how it begins."""

    service: Annotated[str, Meta(examples=["ntfys"])]


class RouteDetails(Struct):
    """A route, and what has happened on it.

    `pending` changes and `waiting` messages are to be sent. `failed` messages are not tried again. `omitted`
    changes are counted in the next message, because there were too many.
    """

    name: str
    severity: Severity
    scope: Scope
    machine: str
    profile: str | None
    alarm: str
    cleared: bool
    per_minute: int
    remind_minutes: int | None
    escalate_to: str | None
    escalate_after_minutes: int | None
    quiet_hours: QuietHours | None
    allow_private: bool
    webhook: WebhookDetails | None
    email: EmailDetails | None
    apprise: AppriseDetails | None
    pending: int
    waiting: int
    failed: int
    omitted: int
    last_delivered: Annotated[str | None, Meta(description="When a message was delivered last.")]
    last_failed: Annotated[str | None, Meta(description="When an attempt failed last.")]
    last_error: Annotated[str | None, Meta(description="Why it failed.")]

    @classmethod
    def shown(cls, kept: KeptRoute, counts: RouteCounts) -> Self:
        """Return a route as clients see it, without its secrets."""
        route, state = kept.route, counts.state
        webhook, email, apprise = route.webhook, route.email, route.apprise
        return cls(
            name=kept.name,
            severity=route.severity,
            scope=route.scope,
            machine=route.machine,
            profile=route.profile,
            alarm=route.alarm,
            cleared=route.cleared,
            per_minute=route.per_minute,
            remind_minutes=route.remind_minutes,
            escalate_to=route.escalate_to,
            escalate_after_minutes=route.escalate_after_minutes,
            quiet_hours=route.quiet_hours,
            allow_private=route.allow_private,
            webhook=None if webhook is None else WebhookDetails(webhook.url, webhook.secret is not None),
            email=None if email is None else EmailDetails(list(email.to)),
            apprise=None if apprise is None else AppriseDetails((apprise.url or "").partition(":")[0]),
            pending=counts.pending,
            waiting=counts.waiting,
            failed=counts.failed,
            omitted=counts.omitted,
            last_delivered=_time(state.delivered),
            last_failed=_time(state.failed),
            last_error=state.error or None,
        )


class RouteSummaries(Struct):
    """All routes, sorted by name. `email` says whether this installation can send e-mail."""

    routes: list[RouteDetails]
    email: bool


class TriedRoute(Struct):
    """The result of a test: whether it was delivered, and what the target answered or why it failed."""

    delivered: bool
    answer: str
    error: str | None


class NotifiedChange(Struct):
    """A change in a notification. `machine` is null for an alarm of the plant itself."""

    reason: Reason
    machine: str | None
    alarm: str
    severity: Severity
    message: str
    time: str

    @classmethod
    def shown(cls, told: Told) -> Self:
        """Return a change as clients see it."""
        change = told.change.change
        alarm = change.alarm
        return cls(
            told.reason,
            told.change.machine,
            alarm.name,
            alarm.severity,
            alarm.message,
            rfc3339(change.time / 1000),
        )


class NotificationDetails(Struct):
    """A notification that waits for its next attempt, or has failed for good.

    `changes` has the first ones of all `count` changes. `more` further changes were left out of it because
    there were too many.
    """

    id: str
    route: str
    state: Literal["waiting", "failed"]
    created: str
    attempts: int
    last_attempt: str | None
    next_attempt: str | None
    error: str | None
    count: int
    more: int
    changes: list[NotifiedChange]

    @classmethod
    def shown(cls, each: Shown) -> Self:
        """Return a delivery as clients see it."""
        delivery = each.delivery
        return cls(
            id=delivery.id,
            route=delivery.route,
            state="failed" if each.is_failed else "waiting",
            created=rfc3339(delivery.created / 1000),
            attempts=delivery.attempts,
            last_attempt=_time(delivery.last),
            next_attempt=None if each.is_failed else rfc3339(each.time / 1000),
            error=delivery.error or None,
            count=len(delivery.told),
            more=delivery.more,
            changes=[NotifiedChange.shown(told) for told in delivery.told[:_CHANGES]],
        )


class NotificationPage(Struct):
    """The notifications that wait, by their next attempt, and those that have failed, newest first.

    `next` is the cursor of the next page of failed ones. The totals count all.
    """

    waiting: list[NotificationDetails]
    failed: list[NotificationDetails]
    next: str | None
    total_waiting: int
    total_failed: int


def _time(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else rfc3339(milliseconds / 1000)
