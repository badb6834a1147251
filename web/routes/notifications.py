"""The routes of notifications: who is told of which alarms, and what could not be delivered."""

from typing import Annotated
from urllib.parse import urlsplit

from litestar import Controller, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.exceptions import ClientException, NotFoundException
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from pipeline.clock import milliseconds_now
from pipeline.model.notification import KeptRoute
from pipeline.notify.render import mail_problem
from pipeline.store.audit import Audit
from pipeline.wire import is_machine_id
from web.access.roles import Role, access
from web.http.etag import IfMatch, IfNoneMatch, check_tag
from web.schemas.notification import (
    NewNotificationRoute,
    NotificationDetails,
    NotificationPage,
    RouteDetails,
    RouteSummaries,
    TriedRoute,
)
from web.services import Services

#: The most waiting notifications that are shown. At most 20 wait for a route.
_WAITING = 100


class NotificationRoutesController(Controller):
    """`/notification-routes` and the paths below it."""

    path = "/notification-routes"

    @get(sync_to_thread=True, **access(Role.OPERATOR))
    def list_notification_routes(self, services: NamedDependency[Services]) -> RouteSummaries:
        """List all routes, sorted by name, without their secrets."""
        routes = services.notification_routes.list().routes
        counts = services.notifications.counts(routes)
        return RouteSummaries(
            [RouteDetails.shown(each, counts[each.name]) for each in routes.values()],
            email=mail_problem(services.settings) is None,
        )

    @get("/{name:str}", sync_to_thread=True, **access(Role.OPERATOR, 404))
    def get_notification_route(
        self, services: NamedDependency[Services], name: FromPath[str]
    ) -> Response[RouteDetails]:
        """Return a route, without its secret."""
        return _tagged(services, _found(services, name))

    @put("/{name:str}", sync_to_thread=True, **access(Role.ADMIN, 409, 412, 413, 422))
    def put_notification_route(
        self,
        services: NamedDependency[Services],
        audit: NamedDependency[Audit],
        name: FromPath[str],
        data: JSONBody[NewNotificationRoute],
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response[RouteDetails]:
        """Create or replace a route.

        Without the secret of a webhook, or the address of a service of Apprise, it keeps the one that it has.
        Alarms that were raised before are not told again.
        """
        before = _kept(services, _checked(name))
        check_tag("route", _tag(before), if_match, if_none_match)
        is_conditional = if_match is not None or if_none_match is not None
        revision = (before.revision if before else 0) if is_conditional else None
        kept = services.route_manager.put(name, data.route(), revision)
        if _tag(kept) != _tag(before):
            audit.record("notification-route.put", name, before=_shown(before), after=_shown(kept))
        return _tagged(services, kept)

    @delete("/{name:str}", sync_to_thread=True, **access(Role.ADMIN, 404, 409, 412))
    def delete_notification_route(
        self,
        services: NamedDependency[Services],
        audit: NamedDependency[Audit],
        name: FromPath[str],
        if_match: IfMatch = None,
    ) -> None:
        """Delete a route, with all that waits for it and all that has failed."""
        before = _kept(services, _checked(name))
        check_tag("route", _tag(before), if_match)
        revision = before.revision if before and if_match is not None else None
        deleted = services.notification_routes.delete(name, revision)
        if deleted is None:
            raise _unknown(name)
        audit.record("notification-route.delete", name, before=_shown(deleted))

    @post(
        "/{name:str}/try", status_code=200, sync_to_thread=True, **access(Role.ADMIN, 404, 422, changes=False)
    )
    def try_notification_route(self, services: NamedDependency[Services], name: FromPath[str]) -> TriedRoute:
        """Send a test to the target of a route, and return what it answered. Nothing is tried again."""
        result = services.route_manager.try_route(_found(services, name))
        return TriedRoute(result.ok, result.answer, result.error or None)


class NotificationsController(Controller):
    """`/notifications` and the paths below it."""

    path = "/notifications"

    @get(sync_to_thread=True, **access(Role.OPERATOR))
    def list_notifications(
        self,
        services: NamedDependency[Services],
        before: FromQuery[str] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> NotificationPage:
        """List the notifications that wait for their next attempt, and those that have failed for good.

        The newest failed ones come first; `before` and `limit` page through them. At most 1,000 are kept.
        """
        try:
            failed = services.notifications.failed(before, limit + 1)
        except ValueError as e:
            raise ClientException(detail=f"{e}. Take `before` from the `next` of the previous page.") from e
        waiting = services.notifications.waiting(services.notification_routes.list().routes)
        total_waiting, total_failed = services.notifications.totals()
        return NotificationPage(
            waiting=[NotificationDetails.shown(each) for each in waiting[:_WAITING]],
            failed=[NotificationDetails.shown(each) for each in failed[:limit]],
            next=failed[limit - 1].cursor if len(failed) > limit else None,
            total_waiting=total_waiting,
            total_failed=total_failed,
        )

    @post(
        "/{notification_id:str}/send-again",
        status_code=204,
        sync_to_thread=True,
        **access(Role.OPERATOR, 404),
    )
    def send_notification_again(
        self,
        services: NamedDependency[Services],
        audit: NamedDependency[Audit],
        notification_id: FromPath[str],
    ) -> None:
        """Send a failed notification again, with the same content and id."""
        if services.notifications.send_again(notification_id, milliseconds_now()) is None:
            raise _no_notification(notification_id, "failed notification")
        audit.record("notification.send-again", notification_id)

    @delete("/{notification_id:str}", sync_to_thread=True, **access(Role.OPERATOR, 404))
    def discard_notification(
        self,
        services: NamedDependency[Services],
        audit: NamedDependency[Audit],
        notification_id: FromPath[str],
    ) -> None:
        """Discard a notification that waits or has failed."""
        if not services.notifications.discard(notification_id):
            raise _no_notification(notification_id, "notification")
        audit.record("notification.discard", notification_id)


def _kept(services: Services, name: str) -> KeptRoute | None:
    return services.notification_routes.list().routes.get(name)


def _found(services: Services, name: str) -> KeptRoute:
    kept = _kept(services, _checked(name))
    if kept is None:
        raise _unknown(name)
    return kept


def _checked(name: str) -> str:
    if not is_machine_id(name):
        raise ClientException(
            detail=f"{name!r} is not a valid name of a route. Use 1 to 128 letters, digits, _ or -."
        )
    return name


def _tag(kept: KeptRoute | None) -> str | None:
    return None if kept is None else f'"{kept.revision}"'


def _tagged(services: Services, kept: KeptRoute) -> Response[RouteDetails]:
    tag = _tag(kept)
    assert tag is not None
    counts = services.notifications.counts([kept.name])[kept.name]
    return Response(RouteDetails.shown(kept, counts), headers={"ETag": tag})


def _shown(kept: KeptRoute | None) -> dict[str, str] | None:
    """Return a route as the audit trail shows it: its filter and its target, without secrets.

    The path of a webhook's address and all of an address of Apprise may be secret.
    """
    if kept is None:
        return None
    route = kept.route
    shown: dict[str, str] = {"severity": route.severity, "scope": route.scope}
    if route.webhook:
        parts = urlsplit(route.webhook.url)
        shown["webhook"] = f"{parts.scheme}://{parts.netloc}"
    elif route.email:
        shown["email"] = ", ".join(route.email.to)
    else:
        shown["target"] = "apprise"
    for name in ("machine", "profile", "alarm", "escalate_to"):
        if value := getattr(route, name):
            shown[name] = value
    if route.allow_private:
        shown["private"] = "allowed"
    return shown


def _unknown(name: str) -> NotFoundException:
    return NotFoundException(detail=f"There is no notification route {name!r}.")


def _no_notification(notification_id: str, what: str) -> NotFoundException:
    return NotFoundException(detail=f"There is no {what} {notification_id[:200]!r}.")
