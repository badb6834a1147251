"""What is to be told, and what was told, in Redis. `pipeline.model.notification` has the terms.

A change goes from the journal of alarms into `pending` of each route that matches, from there into a delivery
that waits until it has reached its target, and otherwise to the failed ones. The rules:

1.  *The changes of the journal are taken in order, and once.* The script that takes them also notes the
    position of the last one, and does nothing if that has changed meanwhile.
2.  *`pending` has at most one entry for an alarm that is raised, one that is cleared, and one that is open
    for long* (`r`, `c` and `m` at the end of the entry). A later change replaces an earlier one. So an alarm
    that comes and goes takes the place of one.
3.  *An entry whose time has not come is in quiet hours.* If the alarm is cleared, acknowledged, shelved or
    ended until then, nobody is told of it, nor that it was cleared.
4.  *A watch begins when an alarm is raised, and ends when it is cleared or ended.* Its reminders and its
    escalation end when it is acknowledged. The first character of the value is 1 if the route was told of the
    alarm before its last change.
5.  *One process works on a route at a time*, with a lease. If the process is killed, another one continues
    when the lease is over. It finds the same delivery, so the target gets the same message again.
6.  *Everything is bounded.* What exceeds a bound is counted, and the next message of the route says how many
    changes were left out.
"""

import re
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, Literal, cast

import msgspec
from msgspec import Struct

from pipeline.model.notification import Notification, RouteState, Told
from pipeline.store.client import Client
from pipeline.store.keys import (
    DELIVERIES_KEY,
    FAILED_DELIVERIES_KEY,
    FAILED_DELIVERIES_TIMES_KEY,
    NOTIFICATION_LEASES_KEY,
    NOTIFICATION_STATES_KEY,
    NOTIFICATIONS_DUE_KEY,
    NOTIFICATIONS_OMITTED_KEY,
    NOTIFICATIONS_TAKEN_KEY,
    WATCHES_DUE_KEY,
    route_keys,
)

#: The most changes that wait for a route; and the same for critical ones, which find a place longer.
PENDING: Final = 300
PENDING_CRITICAL: Final = 600

#: The most changes that wait for a route, for a reminder to be among them.
PENDING_REMINDERS: Final = 100

#: The most watches of a route. Further alarms are told without reminders, and not when they are cleared.
WATCHES: Final = 10_000

#: The most deliveries of a route that wait for their next attempt. Then changes wait in `pending`.
WAITING: Final = 20

#: The most failed deliveries. The oldest are dropped.
FAILED: Final = 1_000

#: Separates the parts of an entry. No name of a route, machine or alarm has it.
_SEPARATOR: Final = "\0"

#: Watches that are due, to read at once.
_CHUNK: Final = 100

#: The cursor of a failed delivery: when it has failed, and its id.
_CURSOR: Final = re.compile("([0-9]{1,15})-([A-Za-z0-9_-]{1,128}:[0-9a-f]{32})")

#: What a step does to the watch of an alarm on a route.
#: tell: begin a watch, and tell that the alarm is raised. clear: end it, and tell that it is cleared. end:
#: end it. acknowledge, shelve: stop reminders and the escalation. update: note the alarm. remind: tell that
#: it is still open. rest: note when it is due again.
StepKind = Literal["tell", "clear", "end", "acknowledge", "shelve", "update", "remind", "rest"]

#: Applies steps, in order. KEYS: taken, due, watches due, omitted, and for each route: pending, items,
#: watches, waiting. ARGV: now; the position in the journal as read, and the new one, or '' and ''; a watch
#: that must be due and its time, or '' and ''; the number of routes, their names, and for each step: kind,
#: place of the route, alarm, item or '', when it is due, most entries, watch, the time of the next reminder
#: or '', the time of the escalation or ''.
_APPLY: Final = (
    """
local now, WATCHES = tonumber(ARGV[1]), """
    + str(WATCHES)
    + """
if ARGV[3] ~= '' and (redis.call('GET', KEYS[1]) or '') ~= ARGV[2] then
    return 0
end
if ARGV[4] ~= '' and redis.call('ZSCORE', KEYS[3], ARGV[4]) ~= ARGV[5] then
    return 0
end
local function put(name, pending, items, member, item, due, most)
    local there = redis.call('ZSCORE', pending, member)
    if not there and redis.call('ZCARD', pending) >= most then
        redis.call('HINCRBY', KEYS[4], name, 1)
        return
    end
    if there and tonumber(there) <= now then
        redis.call('HINCRBY', KEYS[4], name, 1)
        due = math.min(due, tonumber(there))
    end
    redis.call('ZADD', pending, string.format('%.0f', due), member)
    redis.call('HSET', items, member, item)
    local look = redis.call('ZSCORE', KEYS[2], name)
    if not look or tonumber(look) > due then
        redis.call('ZADD', KEYS[2], string.format('%.0f', due), name)
    end
end
local function schedule(name, alarm, what, time)
    local member = name .. '\\0' .. alarm .. '\\0' .. what
    if time == '' then
        redis.call('ZREM', KEYS[3], member)
    else
        redis.call('ZADD', KEYS[3], time, member)
    end
end
local function drop(pending, items, member)
    redis.call('ZREM', pending, member)
    redis.call('HDEL', items, member)
end
local routes = tonumber(ARGV[6])
for at = 7 + routes, #ARGV, 9 do
    local kind, place, alarm, item = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2], ARGV[at + 3]
    local due, most, watch = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), ARGV[at + 6]
    local name = ARGV[6 + place]
    local pending, items, watches = KEYS[4 * place + 1], KEYS[4 * place + 2], KEYS[4 * place + 3]
    local r, c, m = alarm .. '\\0r', alarm .. '\\0c', alarm .. '\\0m'
    local old, raised = redis.call('HGET', watches, alarm), redis.call('ZSCORE', pending, r)
    local before = old and string.sub(old, 1, 1) or '0'
    local is_quiet = raised and tonumber(raised) > now
    if kind == 'tell' then
        if redis.call('ZSCORE', pending, c) or (old and not raised) then
            before = '1'
        end
        if old or redis.call('HLEN', watches) < WATCHES then
            redis.call('HSET', watches, alarm, before .. watch)
            schedule(name, alarm, 'm', ARGV[at + 7])
            schedule(name, alarm, 'e', ARGV[at + 8])
        end
        local cleared = redis.call('ZSCORE', pending, c)
        if cleared and tonumber(cleared) <= now then
            redis.call('HINCRBY', KEYS[4], name, 1)
        end
        drop(pending, items, c)
        drop(pending, items, m)
        put(name, pending, items, r, item, due, most)
    elseif kind == 'remind' then
        if not raised then
            put(name, pending, items, m, item, due, most)
        end
        redis.call('HSET', watches, alarm, before .. watch)
        schedule(name, alarm, 'm', ARGV[at + 7])
    elseif kind == 'rest' then
        schedule(name, alarm, ARGV[at + 6], ARGV[at + 7])
    elseif kind == 'update' then
        if old then
            redis.call('HSET', watches, alarm, before .. watch)
        end
    elseif old then
        schedule(name, alarm, 'm', '')
        schedule(name, alarm, 'e', '')
        drop(pending, items, m)
        if is_quiet or (raised and kind == 'shelve') then
            drop(pending, items, r)
        end
        local is_told = before == '1' or not (is_quiet or (raised and kind == 'shelve'))
        if kind == 'clear' or kind == 'end' or not is_told then
            redis.call('HDEL', watches, alarm)
        end
        if kind == 'clear' and is_told and item ~= '' then
            put(name, pending, items, c, item, due, most)
        end
    end
end
if ARGV[3] ~= '' then
    redis.call('SET', KEYS[1], ARGV[3])
end
return 1
"""
)

#: Claims a route that is due and that nobody works on. KEYS: due, leases. ARGV: now, the token of the lease,
#: its end.
_CLAIM: Final = """
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 1000)) do
    local lease = redis.call('HGET', KEYS[2], name)
    if not lease or tonumber(string.match(lease, '[0-9]+$')) <= tonumber(ARGV[1]) then
        redis.call('HSET', KEYS[2], name, ARGV[2] .. ' ' .. ARGV[3])
        return name
    end
end
return false
"""

#: Makes a delivery of pending changes, if the caller works on the route and nothing has changed. KEYS:
#: leases, omitted, deliveries, pending, items, watches, waiting. ARGV: route, token, how many were left out
#: as read, id, delivery, now, and for each change: the entry, its value.
_FORM: Final = """
local lease = redis.call('HGET', KEYS[1], ARGV[1])
if not lease or string.match(lease, '^[^ ]+') ~= ARGV[2] then
    return 0
end
for at = 7, #ARGV, 2 do
    if redis.call('HGET', KEYS[5], ARGV[at]) ~= ARGV[at + 1] then
        return 0
    end
end
for at = 7, #ARGV, 2 do
    redis.call('ZREM', KEYS[4], ARGV[at])
    redis.call('HDEL', KEYS[5], ARGV[at])
end
if ARGV[3] ~= '0' then
    redis.call('HINCRBY', KEYS[2], ARGV[1], '-' .. ARGV[3])
end
redis.call('HSET', KEYS[3], ARGV[4], ARGV[5])
redis.call('ZADD', KEYS[7], ARGV[6], ARGV[4])
return 1
"""

#: Notes the outcome of an attempt, and ends the work on a route. KEYS: due, leases, deliveries, states, times
#: of failed deliveries, failed deliveries, pending, items, watches, waiting. ARGV: route, token, now, the
#: time before which the route must send nothing more, the state ('' if unchanged), the most that wait, the
#: most failed ones, the id of the delivery or '', the outcome, the delivery, when it is tried again.
_SETTLE: Final = """
local name, now, id = ARGV[1], ARGV[3], ARGV[8]
if id ~= '' and redis.call('HEXISTS', KEYS[3], id) == 1 then
    if ARGV[9] == 'later' then
        redis.call('HSET', KEYS[3], id, ARGV[10])
        redis.call('ZADD', KEYS[10], ARGV[11], id)
    else
        redis.call('HDEL', KEYS[3], id)
        redis.call('ZREM', KEYS[10], id)
    end
    if ARGV[9] == 'failed' then
        redis.call('HSET', KEYS[6], id, ARGV[10])
        redis.call('ZADD', KEYS[5], now, id)
        local extra = redis.call('ZCARD', KEYS[5]) - tonumber(ARGV[7])
        if extra > 0 then
            for _, old in ipairs(redis.call('ZRANGE', KEYS[5], 0, extra - 1)) do
                redis.call('ZREM', KEYS[5], old)
                redis.call('HDEL', KEYS[6], old)
            end
        end
    elseif ARGV[9] == 'delivered' then
        for _, other in ipairs(redis.call('ZRANGEBYSCORE', KEYS[10], '(' .. now, '+inf')) do
            redis.call('ZADD', KEYS[10], now, other)
        end
    end
end
local lease = redis.call('HGET', KEYS[2], name)
if not lease or string.match(lease, '^[^ ]+') ~= ARGV[2] then
    return
end
redis.call('HDEL', KEYS[2], name)
if ARGV[5] ~= '' then
    redis.call('HSET', KEYS[4], name, ARGV[5])
end
local look
for place, key in ipairs({KEYS[10], KEYS[7]}) do
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
    if first and (place == 1 or redis.call('ZCARD', KEYS[10]) < tonumber(ARGV[6])) then
        look = math.min(look or tonumber(first), tonumber(first))
    end
end
if look then
    redis.call('ZADD', KEYS[1], string.format('%.0f', math.max(look, tonumber(ARGV[4]))), name)
else
    redis.call('ZREM', KEYS[1], name)
end
"""

#: Sends a failed delivery again. KEYS: due, deliveries, times of failed deliveries, failed deliveries, and
#: the waiting deliveries of the route. ARGV: id, route, now, the delivery.
_AGAIN: Final = """
if redis.call('HEXISTS', KEYS[4], ARGV[1]) == 0 then
    return 0
end
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('HDEL', KEYS[4], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[4])
redis.call('ZADD', KEYS[5], ARGV[3], ARGV[1])
redis.call('ZADD', KEYS[1], 'LT', ARGV[3], ARGV[2])
return 1
"""

#: Discards a delivery. KEYS: deliveries, times of failed deliveries, failed deliveries, and the waiting
#: deliveries of the route. ARGV: id.
_DISCARD: Final = """
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
return redis.call('HDEL', KEYS[1], ARGV[1]) + redis.call('HDEL', KEYS[3], ARGV[1])
"""


class WatchStep(Struct, frozen=True):
    """A step of `NotificationStore.apply`, for an alarm on a route. `_APPLY` says what each kind does."""

    kind: StepKind
    route: str
    machine: str | None
    alarm: str
    told: Told | None = None
    due: int = 0
    watch: Told | None = None
    remind: int | None = None
    escalate: int | None = None
    what: str = ""

    @property
    def key(self) -> str:
        """The alarm, as a key of watches."""
        return f"{self.machine or ''}{_SEPARATOR}{self.alarm}"


class DueWatch(Struct, frozen=True):
    """A watch that is due for a reminder (`m`) or an escalation (`e`). `told` is what its route was told."""

    member: bytes
    score: bytes
    route: str
    machine: str | None
    alarm: str
    what: str
    told: Told | None


class Lease(Struct, frozen=True):
    """The right to work on a route until it ends."""

    route: str
    token: str


class Pending(Struct, frozen=True):
    """A change to tell: its entry and value in Redis, and when it is due."""

    member: bytes
    value: bytes
    due: int
    told: Told


class Shown(Struct, frozen=True):
    """A delivery for people: whether it has failed for good, and when it is tried next or has failed."""

    delivery: Notification
    is_failed: bool
    time: int

    @property
    def cursor(self) -> str:
        """Its place among the failed deliveries."""
        return f"{self.time}-{self.delivery.id}"


class RouteCounts(Struct, frozen=True):
    """What waits for a route: changes, and deliveries; and what has failed or was left out."""

    pending: int = 0
    waiting: int = 0
    failed: int = 0
    omitted: int = 0
    state: RouteState = RouteState()


#: How an attempt ended: delivered, to be tried again later, or failed for good.
DeliveryOutcome = Literal["delivered", "later", "failed"]


class Attempted(Struct, frozen=True):
    """The outcome of an attempt, the delivery after it, and when it is tried again."""

    outcome: DeliveryOutcome
    delivery: Notification
    again: int = 0


class NotificationStore:
    """Keeps what is to be told. Safe to share between threads. Every method may raise `RedisError`."""

    def __init__(self, client: Client) -> None:
        self._redis = client
        self._apply = client.register_script(_APPLY)
        self._claim = client.register_script(_CLAIM)
        self._form = client.register_script(_FORM)
        self._settle = client.register_script(_SETTLE)
        self._again = client.register_script(_AGAIN)
        self._discard = client.register_script(_DISCARD)

    def taken(self) -> str:
        """Return the position in the journal up to which its changes are taken; empty if none are."""
        return (cast("bytes | None", self._redis.get(NOTIFICATIONS_TAKEN_KEY)) or b"").decode()

    def apply(self, steps: Sequence[WatchStep], now: int, taken: tuple[str, str]) -> bool:
        """Apply steps, and note that the journal is taken from the first position up to the second one.

        Return False, and change nothing, if it was not taken up to the first position.
        """
        return self._apply_steps(steps, now, [*taken, "", ""])

    def follow(self, due: DueWatch, steps: Sequence[WatchStep], now: int) -> bool:
        """Apply steps if this watch is still due. Return whether it was."""
        return self._apply_steps(steps, now, ["", "", due.member, due.score])

    def _apply_steps(self, steps: Sequence[WatchStep], now: int, guards: Sequence[str | bytes]) -> bool:
        routes = list(dict.fromkeys(each.route for each in steps))
        keys = [NOTIFICATIONS_TAKEN_KEY, NOTIFICATIONS_DUE_KEY, WATCHES_DUE_KEY, NOTIFICATIONS_OMITTED_KEY]
        for name in routes:
            keys += route_keys(name)
        places = {name: place for place, name in enumerate(routes, start=1)}
        arguments: list[str | bytes | int] = [now, *guards, len(routes), *routes]
        for each in steps:
            is_critical = each.told is not None and each.told.change.change.alarm.severity == "critical"
            most = PENDING_CRITICAL if is_critical else PENDING
            arguments += [
                each.kind,
                places[each.route],
                each.key,
                _encode(each.told) if each.told else "",
                each.due,
                PENDING_REMINDERS if each.kind == "remind" else most,
                _encode(each.watch) if each.watch else each.what,
                "" if each.remind is None else each.remind,
                "" if each.escalate is None else each.escalate,
            ]
        return bool(self._apply(keys=keys, args=arguments))

    def due_watches(self, now: int) -> list[DueWatch]:
        """Return watches that are due, the first ones first."""
        found = cast(
            "list[tuple[bytes, float]]",
            self._redis.zrange(
                WATCHES_DUE_KEY, "-inf", now, byscore=True, withscores=True, offset=0, num=_CHUNK
            ),
        )
        if not found:
            return []
        parts = [member.decode().split(_SEPARATOR) for member, _ in found]
        with self._redis.pipeline(transaction=False) as step:
            for route, machine, alarm, _ in parts:
                step.hget(route_keys(route)[2], f"{machine}{_SEPARATOR}{alarm}")
            values = cast("list[bytes | None]", step.execute())
        return [
            DueWatch(
                member,
                str(int(score)).encode(),
                route,
                machine or None,
                alarm,
                what,
                _decode_told(value[1:]) if value is not None else None,
            )
            for (member, score), (route, machine, alarm, what), value in zip(
                found, parts, values, strict=True
            )
        ]

    def forget(self, due: DueWatch) -> None:
        """Forget that a watch is due, which does not exist or whose route has none of it."""
        self._redis.zrem(WATCHES_DUE_KEY, due.member)

    def claim(self, now: int, until: int) -> Lease | None:
        """Return the right to work on a route that is due; None if there is none."""
        token = uuid.uuid4().hex
        name = self._claim(keys=[NOTIFICATIONS_DUE_KEY, NOTIFICATION_LEASES_KEY], args=[now, token, until])
        return None if name is None else Lease(cast(bytes, name).decode(), token)

    def state(self, route: str) -> RouteState:
        """Return what happened last on a route."""
        value = cast("bytes | None", self._redis.hget(NOTIFICATION_STATES_KEY, route))
        return RouteState() if value is None else _decode_state(value)

    def next_delivery(self, route: str, now: int) -> tuple[Notification, int] | None:
        """Return the delivery of a route to try next, and when it was due; None if none is due."""
        waiting = route_keys(route)[3]
        found = cast(
            "list[tuple[bytes, float]]",
            self._redis.zrange(waiting, "-inf", now, byscore=True, withscores=True, offset=0, num=1),
        )
        if not found:
            return None
        (delivery_id, due), *_ = found
        value = cast("bytes | None", self._redis.hget(DELIVERIES_KEY, delivery_id.decode()))
        if value is None:
            self._redis.zrem(waiting, delivery_id)
            return None
        return _decode_delivery(value), int(due)

    def pending(self, route: str, now: int) -> tuple[list[Pending], int]:
        """Return the changes of a route that are due, and how many were left out.

        There are none if too many deliveries wait.
        """
        pending, items, _, waiting = route_keys(route)
        with self._redis.pipeline(transaction=True) as step:
            step.zcard(waiting)
            step.zrange(pending, "-inf", now, byscore=True, withscores=True, offset=0, num=PENDING_CRITICAL)
            step.hget(NOTIFICATIONS_OMITTED_KEY, route)
            count, due, omitted = step.execute()
        if count >= WAITING or not due:
            return [], 0
        values = cast("list[bytes | None]", self._redis.hmget(items, [member for member, _ in due]))
        if lost := [member for (member, _), value in zip(due, values, strict=True) if value is None]:
            self._redis.zrem(pending, *lost)
        found = [
            Pending(member, value, int(score), _decode_told(value))
            for (member, score), value in zip(due, values, strict=True)
            if value is not None
        ]
        return found, max(int(omitted or 0), 0)

    def form(self, lease: Lease, delivery: Notification, pending: Iterable[Pending], omitted: int) -> bool:
        """Make a delivery of pending changes. Return False if they have changed, or the lease is lost.

        `omitted` is the number of changes that were left out, which the delivery names.
        """
        keys = [NOTIFICATION_LEASES_KEY, NOTIFICATIONS_OMITTED_KEY, DELIVERIES_KEY, *route_keys(lease.route)]
        arguments: list[str | bytes | int] = [
            lease.route,
            lease.token,
            omitted,
            delivery.id,
            _encode(delivery),
            delivery.created,
        ]
        for each in pending:
            arguments += [each.member, each.value]
        return bool(self._form(keys=keys, args=arguments))

    def settle(
        self,
        lease: Lease,
        now: int,
        attempted: Attempted | None = None,
        state: RouteState | None = None,
        rest_until: int = 0,
    ) -> None:
        """Note the outcome of an attempt, and end the work on a route.

        The route sends nothing before `rest_until`.
        """
        keys = [
            NOTIFICATIONS_DUE_KEY,
            NOTIFICATION_LEASES_KEY,
            DELIVERIES_KEY,
            NOTIFICATION_STATES_KEY,
            FAILED_DELIVERIES_TIMES_KEY,
            FAILED_DELIVERIES_KEY,
            *route_keys(lease.route),
        ]
        arguments: list[str | bytes | int] = [
            lease.route,
            lease.token,
            now,
            rest_until,
            "" if state is None else _encode(state),
            WAITING,
            FAILED,
        ]
        if attempted is None:
            arguments += ["", "", "", ""]
        else:
            delivery = attempted.delivery
            arguments += [delivery.id, attempted.outcome, _encode(delivery), attempted.again]
        self._settle(keys=keys, args=arguments)

    def counts(self, routes: Collection[str]) -> dict[str, RouteCounts]:
        """Return what waits for these routes."""
        names = list(routes)
        with self._redis.pipeline(transaction=False) as step:
            step.hgetall(NOTIFICATIONS_OMITTED_KEY)
            step.hgetall(NOTIFICATION_STATES_KEY)
            step.zrange(FAILED_DELIVERIES_TIMES_KEY, 0, -1)
            for name in names:
                pending, _, _, waiting = route_keys(name)
                step.zcard(pending)
                step.zcard(waiting)
            omitted, states, failed, *sizes = step.execute()
        of_route = [_route_of(each.decode()) for each in failed]
        found = dict[str, RouteCounts]()
        for place, name in enumerate(names):
            value = states.get(name.encode())
            found[name] = RouteCounts(
                sizes[2 * place],
                sizes[2 * place + 1],
                of_route.count(name),
                max(int(omitted.get(name.encode(), 0)), 0),
                RouteState() if value is None else _decode_state(value),
            )
        return found

    def totals(self) -> tuple[int, int]:
        """Return how many deliveries wait, and how many have failed for good."""
        with self._redis.pipeline(transaction=False) as step:
            step.hlen(DELIVERIES_KEY)
            step.zcard(FAILED_DELIVERIES_TIMES_KEY)
            waiting, failed = step.execute()
        return waiting, failed

    def failed(self, before: str, most: int) -> list[Shown]:
        """Return failed deliveries, newest first, starting after the one with the cursor `before`.

        Raises `ValueError` if it is not a valid cursor.
        """
        every = cast(
            "list[tuple[bytes, float]]",
            self._redis.zrange(FAILED_DELIVERIES_TIMES_KEY, 0, -1, withscores=True),
        )
        if before:
            match = _CURSOR.fullmatch(before)
            if match is None:
                raise ValueError(f"{before!r} is not a valid cursor")
            start = int(match[1]), match[2].encode()
            every = [(each, time) for each, time in every if (time, each) < start]
        return self._shown(FAILED_DELIVERIES_KEY, every[::-1][:most], is_failed=True)

    def waiting(self, routes: Iterable[str]) -> list[Shown]:
        """Return the deliveries of these routes that wait, by when each is tried next."""
        found = list[tuple[bytes, float]]()
        with self._redis.pipeline(transaction=False) as step:
            for name in routes:
                step.zrange(route_keys(name)[3], 0, WAITING, withscores=True)
            for each in step.execute():
                found += each
        return self._shown(DELIVERIES_KEY, sorted(found, key=lambda each: each[1]), is_failed=False)

    def _shown(self, key: str, found: Sequence[tuple[bytes, float]], *, is_failed: bool) -> list[Shown]:
        if not found:
            return []
        values = cast("list[bytes | None]", self._redis.hmget(key, [delivery_id for delivery_id, _ in found]))
        return [
            Shown(_decode_delivery(value), is_failed, int(score))
            for (_, score), value in zip(found, values, strict=True)
            if value is not None
        ]

    def send_again(self, delivery_id: str, now: int) -> Notification | None:
        """Let a failed delivery be tried again, as if it were new. Return it; None if there is none."""
        value = cast("bytes | None", self._redis.hget(FAILED_DELIVERIES_KEY, delivery_id))
        if value is None:
            return None
        delivery = msgspec.structs.replace(_decode_delivery(value), attempts=0, created=now)
        keys = [
            NOTIFICATIONS_DUE_KEY,
            DELIVERIES_KEY,
            FAILED_DELIVERIES_TIMES_KEY,
            FAILED_DELIVERIES_KEY,
            route_keys(delivery.route)[3],
        ]
        arguments: list[str | bytes | int] = [delivery_id, delivery.route, now, _encode(delivery)]
        return delivery if self._again(keys=keys, args=arguments) else None

    def discard(self, delivery_id: str) -> bool:
        """Discard a delivery that waits or has failed. Return whether there was one."""
        keys = [
            DELIVERIES_KEY,
            FAILED_DELIVERIES_TIMES_KEY,
            FAILED_DELIVERIES_KEY,
            route_keys(_route_of(delivery_id))[3],
        ]
        return bool(self._discard(keys=keys, args=[delivery_id]))


def new_delivery_id(route: str) -> str:
    """Return a new id for a delivery of a route. It begins with the name of the route."""
    return f"{route}:{uuid.uuid4().hex}"


def _route_of(delivery_id: str) -> str:
    return delivery_id.partition(":")[0]


_encode: Callable[[object], bytes] = msgspec.msgpack.Encoder().encode
_decode_told = msgspec.msgpack.Decoder(Told).decode
_decode_delivery = msgspec.msgpack.Decoder(Notification).decode
_decode_state = msgspec.msgpack.Decoder(RouteState).decode
