"""Changes and tries routes of notifications, for the API."""

from typing import Final
from urllib.parse import urlsplit

from pipeline.clock import milliseconds_now
from pipeline.errors import RouteRefused
from pipeline.model.alarm import Alarm, AlarmChange, KeptChange
from pipeline.model.notification import (
    KeptRoute,
    Notification,
    NotificationRoute,
    Told,
    check_escalations,
    checked_route,
)
from pipeline.notify.courier import Courier, DeliveryResult
from pipeline.notify.guard import refusal
from pipeline.notify.render import job_of, mail_problem
from pipeline.settings import Settings
from pipeline.store.notification_routes import NotificationRoutes
from pipeline.store.notifications import new_delivery_id

#: The name of the alarm in a test.
_TEST: Final = "test-notification"


class RouteManager:
    """Changes and tries routes. Its methods block, and raise `RedisError`."""

    def __init__(self, settings: Settings, store: NotificationRoutes, courier: Courier) -> None:
        self._settings = settings
        self._store = store
        self._courier = courier

    def put(self, name: str, route: NotificationRoute, revision: int | None = None) -> KeptRoute:
        """Create or change a route, and return it. `revision` is that of `NotificationRoutes.put`.

        Raises `RouteRefused`, `RouteChanged`, and `Busy` if too many routes are being checked.
        """
        known = self._store.list()
        before = known.routes.get(name)
        whole = checked_route(route, before.route if before else None)
        check_escalations(name, whole, known.plain)
        self._check_target(whole)
        return self._store.put(name, whole, revision)

    def try_route(self, kept: KeptRoute) -> DeliveryResult:
        """Send a test to the target of a route, and return the result. Raises `RouteRefused`, and `Busy`."""
        self._check_server(kept.route)
        now = milliseconds_now()
        return self._courier.ask(job_of(kept.route, _test(kept.name, now), self._settings, now))

    def _check_target(self, route: NotificationRoute) -> None:
        """Raise `RouteRefused` if nothing can ever be sent to the target of a route."""
        self._check_server(route)
        if route.webhook is not None and not route.allow_private:
            host = urlsplit(route.webhook.url).hostname or ""
            is_local = host.rstrip(".").endswith("localhost")
            if is_local or (_is_number(host) and refusal(host) is not None):
                raise RouteRefused(
                    f"The webhook's host {host} is a private address. Set allow_private if the route may use "
                    "it."
                )
        if route.apprise is not None:
            job = {"kind": "apprise", "url": route.apprise.url, "check": True}
            found = self._courier.ask(job)
            if not found.ok:
                raise RouteRefused(f"The address of the service cannot be used: {found.error}.")

    def _check_server(self, route: NotificationRoute) -> None:
        if route.email is not None and (problem := mail_problem(self._settings)) is not None:
            raise RouteRefused(f"{problem}.")


def _is_number(host: str) -> bool:
    """Return whether a host is written as an IP address, also in the short forms that a resolver reads."""
    return ":" in host or host.replace(".", "").isdigit()


def _test(route: str, now: int) -> Notification:
    alarm = Alarm(_TEST, "warning", f"This is a test of the route {route}.", b"{}", now)
    change = KeptChange("0-0", None, AlarmChange(1, "raised", now, alarm))
    return Notification(new_delivery_id(route), route, now, (Told("test", change),))
