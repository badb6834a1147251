"""The routes of notifications in Redis (`pipeline.model.notification`), with their secrets.

All are in one hash, which changes by compare-and-set on the count of its changes. So two changes that race
cannot make routes that escalate in a circle or to a route that is gone.
"""

import logging
from collections.abc import Mapping
from typing import Final, cast

import msgspec
from msgspec import Struct

from pipeline.errors import RouteChanged, RouteConflict
from pipeline.model.notification import (
    ROUTES,
    KeptRoute,
    NotificationRoute,
    check_escalations,
    checked_route,
)
from pipeline.store.client import Client
from pipeline.store.keys import (
    DELIVERIES_KEY,
    FAILED_DELIVERIES_KEY,
    FAILED_DELIVERIES_TIMES_KEY,
    NOTIFICATION_LEASES_KEY,
    NOTIFICATION_ROUTES_CHANGES_KEY,
    NOTIFICATION_ROUTES_KEY,
    NOTIFICATION_STATES_KEY,
    NOTIFICATIONS_DUE_KEY,
    NOTIFICATIONS_OMITTED_KEY,
    WATCHES_DUE_KEY,
    route_keys,
)

#: Writes a route if no route has changed. KEYS: routes, changes. ARGV: the count of changes as read, the
#: name, the value.
_PUT: Final = """
if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[1] then
    return 0
end
redis.call('INCR', KEYS[2])
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
return 1
"""

#: Deletes a route with all that waits, if no route has changed. KEYS: routes, changes, due, leases, watches
#: due, omitted, states, deliveries, times of failed deliveries, failed deliveries, and the keys of the route.
#: ARGV: the count of changes as read or '' to drop what waits in any case, the name.
_DELETE: Final = """
local name = ARGV[2]
if ARGV[1] ~= '' then
    if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[1] then
        return 0
    end
    redis.call('INCR', KEYS[2])
    redis.call('HDEL', KEYS[1], name)
elseif redis.call('HEXISTS', KEYS[1], name) == 1 then
    return 0
end
for _, watch in ipairs(redis.call('HKEYS', KEYS[13])) do
    redis.call('ZREM', KEYS[5], name .. '\\0' .. watch .. '\\0m', name .. '\\0' .. watch .. '\\0e')
end
for _, id in ipairs(redis.call('ZRANGE', KEYS[14], 0, -1)) do
    redis.call('HDEL', KEYS[8], id)
end
for _, id in ipairs(redis.call('ZRANGE', KEYS[9], 0, -1)) do
    if string.sub(id, 1, #name + 1) == name .. ':' then
        redis.call('ZREM', KEYS[9], id)
        redis.call('HDEL', KEYS[10], id)
    end
end
redis.call('DEL', KEYS[11], KEYS[12], KEYS[13], KEYS[14])
redis.call('ZREM', KEYS[3], name)
for _, key in ipairs({KEYS[4], KEYS[6], KEYS[7]}) do
    redis.call('HDEL', key, name)
end
return 1
"""


_logger = logging.getLogger(__name__)


class RouteList(Struct, frozen=True):
    """All routes by name, sorted, as they are after a number of changes."""

    changes: int = 0
    routes: dict[str, KeptRoute] = {}

    @property
    def plain(self) -> dict[str, NotificationRoute]:
        """The routes without their revisions."""
        return {name: each.route for name, each in self.routes.items()}


class NotificationRoutes:
    """Keeps routes. Safe to share between threads. Every method may raise `RedisError`."""

    def __init__(self, client: Client) -> None:
        self._redis = client
        self._put = client.register_script(_PUT)
        self._delete = client.register_script(_DELETE)

    def list(self) -> RouteList:
        """Return all routes."""
        with self._redis.pipeline(transaction=True) as step:
            step.get(NOTIFICATION_ROUTES_CHANGES_KEY)
            step.hgetall(NOTIFICATION_ROUTES_KEY)
            changes, values = step.execute()
        kept = dict[str, KeptRoute]()
        for name, value in sorted(cast("Mapping[bytes, bytes]", values).items()):
            try:
                kept[name.decode()] = _decode(value)
            except msgspec.MsgspecError as e:
                _logger.error("the notification route %s is damaged in Redis, and tells nobody: %s", name, e)
        return RouteList(int(changes or 0), kept)

    def newer(self, known: RouteList) -> RouteList:
        """Return all routes, which are `known` unless something has changed."""
        changes = int(cast("bytes | None", self._redis.get(NOTIFICATION_ROUTES_CHANGES_KEY)) or 0)
        return known if changes == known.changes else self.list()

    def put(self, name: str, route: NotificationRoute, revision: int | None = None) -> KeptRoute:
        """Create or change a route, and return it.

        `revision` is the revision that the caller has read, 0 if there must be no such route, None if any.
        Raises `RouteRefused` if the route is invalid, and `RouteChanged` if its revision is another one.
        """
        while True:
            known = self.list()
            before = known.routes.get(name)
            _check_revision(before, revision)
            route = checked_route(route, before.route if before else None)
            if before is not None and before.route == route:
                return before
            if before is None and len(known.routes) >= ROUTES:
                raise RouteConflict(f"There are {ROUTES} routes already, which is the maximum.")
            check_escalations(name, route, known.plain)
            kept = KeptRoute(name, known.changes + 1, route)
            keys = [NOTIFICATION_ROUTES_KEY, NOTIFICATION_ROUTES_CHANGES_KEY]
            if self._put(keys=keys, args=[known.changes, name, msgspec.msgpack.encode(kept)]):
                return kept

    def delete(self, name: str, revision: int | None = None) -> KeptRoute | None:
        """Delete a route with all that waits for it, and return it; None if there is none.

        Raises `RouteConflict` if another route escalates to it, and `RouteChanged` as `put`.
        """
        while True:
            known = self.list()
            before = known.routes.get(name)
            if before is None:
                return None
            _check_revision(before, revision)
            for other in known.routes.values():
                if other.route.escalate_to == name and other.name != name:
                    raise RouteConflict(
                        f"The route {other.name!r} escalates to {name!r}, so nothing was deleted. Change "
                        "that route first."
                    )
            if self._drop(str(known.changes), name):
                return before

    def drop(self, name: str) -> None:
        """Drop what waits for a route that does not exist any more."""
        self._drop("", name)

    def check_restorable(self, routes: Mapping[str, NotificationRoute]) -> None:
        """Raise `RouteRefused` or `RouteConflict` if these routes of a backup cannot be restored."""
        every = {**self.list().plain, **routes}
        for name, route in routes.items():
            checked_route(route)
            check_escalations(name, route, every)
        if len(every) > ROUTES:
            raise RouteConflict(
                f"With the routes in the file there would be {len(every)}. At most {ROUTES} are possible."
            )

    def restore(self, routes: Mapping[str, NotificationRoute]) -> None:
        """Create or replace routes from a backup, each after the one that it escalates to."""
        left = dict(routes)
        while left:
            ready = [name for name, route in left.items() if route.escalate_to not in left]
            for name in ready or list(left):
                self.put(name, left.pop(name))

    def _drop(self, changes: str, name: str) -> bool:
        keys = [
            NOTIFICATION_ROUTES_KEY,
            NOTIFICATION_ROUTES_CHANGES_KEY,
            NOTIFICATIONS_DUE_KEY,
            NOTIFICATION_LEASES_KEY,
            WATCHES_DUE_KEY,
            NOTIFICATIONS_OMITTED_KEY,
            NOTIFICATION_STATES_KEY,
            DELIVERIES_KEY,
            FAILED_DELIVERIES_TIMES_KEY,
            FAILED_DELIVERIES_KEY,
            *route_keys(name),
        ]
        return bool(self._delete(keys=keys, args=[changes, name]))


_decode = msgspec.msgpack.Decoder(KeptRoute).decode


def _check_revision(kept: KeptRoute | None, revision: int | None) -> None:
    found = kept.revision if kept is not None else 0
    if revision is not None and revision != found:
        raise RouteChanged("the route has changed meanwhile")
