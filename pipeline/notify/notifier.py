"""Turns changes of alarms into messages, and sends them (`pipeline.store.notifications` has the rules).

`take` notes what is to be told, and returns before anything is sent. A thread looks for what is due, and
hands it to a few other threads. Each of them works on one route at a time, with a lease, so that normally one
API process makes each delivery. Each delivery is a process of its own that is killed after some seconds
(`pipeline.notify.courier`). So a target that hangs holds one thread for these seconds, and only messages of
the same route wait for it.

A message is sent at least once. It is sent again if this process ends, or loses Redis, between the answer of
the target and the note about it. The message and its id are then the same.
"""

import hashlib
import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Full, Queue
from threading import BoundedSemaphore, Event, Lock, Thread
from typing import Final

from msgspec.structs import replace

from pipeline.clock import milliseconds_now
from pipeline.model.alarm import SEVERITIES, KeptChange
from pipeline.model.notification import (
    BATCH,
    KeptRoute,
    Notification,
    NotificationRoute,
    RouteState,
    Told,
    matches,
    quiet_until,
)
from pipeline.notify.courier import Courier, DeliveryResult
from pipeline.notify.render import job_of, mail_problem
from pipeline.settings import Settings
from pipeline.store.client import RedisError
from pipeline.store.notification_routes import NotificationRoutes, RouteList
from pipeline.store.notifications import (
    Attempted,
    DueWatch,
    Lease,
    NotificationStore,
    Pending,
    WatchStep,
    new_delivery_id,
)

#: Deliveries at a time of a process.
_AT_ONCE: Final = 4

#: Changes that are taken in one step.
_CHUNK: Final = 50

#: The longest details that a message includes, and the most bytes of changes in it.
_DETAILS_BYTES: Final = 4_096
_DELIVERY_BYTES: Final = 65_536

#: How often to ask for watches that are due before the next look.
_FOLLOWED: Final = 20

#: Seconds between two looks for what is due.
_LOOK_SECONDS: Final = 1.0

#: Milliseconds after which another process may continue the work on a route.
LEASE: Final = 60_000

#: Milliseconds until the second attempt; until each later one twice as long, up to the most.
_FIRST_AGAIN: Final = 10_000
_MOST_AGAIN: Final = 900_000
#: The longest time that a target may ask to wait.
_LONGEST_AGAIN: Final = 3_600_000

#: Milliseconds after which a delivery is not tried again.
GIVE_UP: Final = 24 * 3_600_000

_MINUTE: Final = 60_000

#: Alarms that wait to be sent without Redis, and the seconds before each attempt.
_URGENT: Final = 50
_URGENT_SECONDS: Final = (0.0, 10.0, 60.0)
#: Milliseconds of an interval in which an alarm of several processes is the same.
_SAME_ALARM: Final = 600_000

_logger = logging.getLogger(__name__)

#: The results of attempts, as they are counted.
RESULTS: Final = ("delivered", "repeated", "failed")


class Notifier:
    """Sends notifications, from `start` to `close`. Safe to share between threads."""

    def __init__(
        self,
        settings: Settings,
        store: NotificationStore,
        routes: NotificationRoutes,
        courier: Courier,
        *,
        clock: Callable[[], int] = milliseconds_now,
    ) -> None:
        self._settings = settings
        self._store = store
        self._routes = routes
        self._courier = courier
        self._clock = clock
        self._known = RouteList(changes=-1)
        self._lock = Lock()
        self._counted = Counter[str]()
        self._stopping, self._wake = Event(), Event()
        self._slots = BoundedSemaphore(_AT_ONCE)
        self._pool = ThreadPoolExecutor(_AT_ONCE, "notification")
        self._urgent = Queue[KeptChange](_URGENT)
        self._threads = [
            Thread(target=self._run, name="notifications", daemon=True),
            Thread(target=self._run_urgent, name="urgent-notifications", daemon=True),
        ]

    @property
    def counted(self) -> Mapping[str, int]:
        """How many attempts of this process had each result."""
        with self._lock:
            return {result: self._counted[result] for result in RESULTS}

    def start(self) -> None:
        """Start the threads."""
        for each in self._threads:
            each.start()

    def close(self) -> None:
        """Stop the threads and the deliveries that run. Another process continues with them."""
        self._stopping.set()
        self._wake.set()
        self._courier.close()
        for each in self._threads:
            if each.is_alive():
                each.join()
        self._pool.shutdown(cancel_futures=True)

    def take(self, changes: Sequence[KeptChange]) -> None:
        """Note what is to be told of changes from the journal of alarms, in order. Raises `RedisError`.

        Changes that were taken before are ignored.
        """
        routes = self._read_routes()
        for start in range(0, len(changes), _CHUNK):
            chunk = [_shortened(each) for each in changes[start : start + _CHUNK]]
            while True:
                taken, now = self._store.taken(), self._clock()
                new = [each for each in chunk if _position(each.id) > _position(taken)]
                if not new:
                    break
                steps = [
                    step
                    for kept in new
                    for route in routes.values()
                    if (step := _step_of(kept, route, now)) is not None
                ]
                if self._store.apply(steps, now, (taken, new[-1].id)):
                    break
        self._wake.set()

    def send_now(self, kept: KeptChange) -> None:
        """Send a change by the routes that were read last, without Redis, and soon. It may be sent twice.

        If too many such changes wait, it is dropped.
        """
        try:
            self._urgent.put_nowait(kept)
        except Full:
            _logger.error(
                "too many alarms wait to be sent without Redis; %s is dropped", kept.change.alarm.name
            )

    def follow(self) -> None:
        """Send reminders and escalations that are due. Raises `RedisError`."""
        routes, now = self._read_routes(), self._clock()
        for _ in range(_FOLLOWED):
            found = self._store.due_watches(now)
            for due in found:
                kept = routes.get(due.route)
                if due.told is None or kept is None:
                    self._store.forget(due)
                else:
                    self._store.follow(due, _steps_after(due, due.told, kept, routes, now), now)
            if not found:
                return

    def work(self) -> bool:
        """Work on a route that is due. Return whether there was one. Raises `RedisError`."""
        lease = self._claim()
        if lease is not None:
            self._work(lease)
        return lease is not None

    def _claim(self) -> Lease | None:
        now = self._clock()
        return self._store.claim(now, now + LEASE)

    def _read_routes(self) -> dict[str, KeptRoute]:
        self._known = self._routes.newer(self._known)
        return self._known.routes

    def _run(self) -> None:
        """Look for what is due, and hand it to the other threads."""
        while not self._stopping.is_set():
            for step in (self.follow, self._hand_out):
                try:
                    step()
                except RedisError as e:
                    _logger.warning("notifications wait: %s", e)
                except Exception as e:
                    # Without this thread, nobody would be told of anything.
                    _logger.error("notifications have an internal error", exc_info=e)
            self._wake.wait(_LOOK_SECONDS)
            self._wake.clear()

    def _hand_out(self) -> None:
        while not self._stopping.is_set() and self._slots.acquire(blocking=False):
            lease = None
            try:
                lease = self._claim()
            finally:
                if lease is None:
                    self._slots.release()
            if lease is None:
                return
            self._pool.submit(self._work, lease).add_done_callback(self._end)

    def _end(self, work: Future[None]) -> None:
        self._slots.release()
        self._wake.set()
        error = None if work.cancelled() else work.exception()
        if isinstance(error, RedisError):
            _logger.warning("notifications wait: %s", error)
        elif error is not None:
            _logger.error("a notification failed with an internal error", exc_info=error)

    def _work(self, lease: Lease) -> None:
        """Make one attempt of a route."""
        kept = self._read_routes().get(lease.route)
        if kept is None:
            self._routes.drop(lease.route)
            return
        now = self._clock()
        state = self._store.state(lease.route)
        recent = tuple(each for each in state.recent if now - _MINUTE < each <= now)
        if len(recent) >= kept.route.per_minute:
            self._store.settle(lease, now, rest_until=recent[0] + _MINUTE)
            return
        waiting = self._store.next_delivery(lease.route, now)
        # Neither new changes nor repeated messages wait for the others: what was due first comes first.
        delivery = self._form(lease, now, waiting[1] if waiting else now + 1)
        if delivery is None and waiting is not None:
            delivery = waiting[0]
        if delivery is None:
            self._store.settle(lease, now)
            return
        result = self._attempt(kept.route, delivery, now)
        if self._courier.is_closed and not result.ok:
            self._store.settle(lease, self._clock())
            return
        attempted, state = self._outcome(delivery, result, replace(state, recent=(*recent, now)))
        # At the limit, the next look is when the oldest attempt is a minute ago.
        at_limit = len(state.recent) >= kept.route.per_minute
        rest = state.recent[0] + _MINUTE if at_limit else 0
        self._store.settle(lease, self._clock(), attempted, state, rest)

    def _form(self, lease: Lease, now: int, before: int) -> Notification | None:
        """Make a delivery of changes, the most severe ones first; None if none was due before a time."""
        pending, omitted = self._store.pending(lease.route, now)
        if all(each.due >= before for each in pending):
            return None
        chosen, size = list[Pending](), 0
        for each in sorted(pending, key=_urgency)[:BATCH]:
            size += len(each.value)
            if chosen and size > _DELIVERY_BYTES:
                break
            chosen.append(each)
        if not chosen:
            return None
        told = tuple(each.told for each in sorted(chosen, key=_order))
        delivery = Notification(new_delivery_id(lease.route), lease.route, now, told, omitted)
        return delivery if self._store.form(lease, delivery, chosen, omitted) else None

    def _attempt(self, route: NotificationRoute, delivery: Notification, now: int) -> DeliveryResult:
        if route.email is not None and (problem := mail_problem(self._settings)) is not None:
            return DeliveryResult(False, error=problem)
        try:
            job = job_of(route, delivery, self._settings, now)
        except Exception as e:
            _logger.error("the notification %s cannot be written", delivery.id, exc_info=e)
            return DeliveryResult(False, error="the message cannot be written; see the log", final=True)
        return self._courier.deliver(job)

    def _outcome(
        self, delivery: Notification, result: DeliveryResult, state: RouteState
    ) -> tuple[Attempted, RouteState]:
        now = self._clock()
        delivery = replace(delivery, attempts=delivery.attempts + 1, error=result.error, last=now)
        if result.ok:
            self._count("delivered")
            return Attempted("delivered", delivery), replace(state, delivered=now)
        state = replace(state, failed=now, error=result.error)
        if result.final or now - delivery.created >= GIVE_UP:
            self._count("failed")
            _logger.error(
                "a notification of the route %s failed after %d attempts: %s",
                delivery.route,
                delivery.attempts,
                result.error,
            )
            return Attempted("failed", delivery), state
        self._count("repeated")
        wait = _FIRST_AGAIN * 2 ** min(delivery.attempts - 1, 20)
        wait = round(min(wait, _MOST_AGAIN) * random.uniform(0.8, 1.2))  # noqa: S311 - spreads attempts
        asked = min((result.again or 0) * 1_000, _LONGEST_AGAIN)
        return Attempted("later", delivery, now + max(wait, asked)), state

    def _count(self, result: str) -> None:
        with self._lock:
            self._counted[result] += 1

    def _run_urgent(self) -> None:
        """Send changes without Redis."""
        while not self._stopping.is_set():
            try:
                kept = self._urgent.get(timeout=_LOOK_SECONDS)
            except Empty:
                continue
            try:
                self._send_urgent(kept)
            except Exception as e:
                _logger.error("an alarm was not sent because of an internal error", exc_info=e)

    def _send_urgent(self, kept: KeptChange) -> None:
        routes = [each for each in self._known.routes.values() if matches(each.route, kept)]
        for seconds in _URGENT_SECONDS:
            if not routes or self._stopping.wait(seconds):
                break
            routes = [each for each in routes if not self._sent(each, kept)]
        for each in routes:
            _logger.error("the alarm %s was not sent by the route %s", kept.change.alarm.name, each.name)

    def _sent(self, route: KeptRoute, kept: KeptChange) -> bool:
        """Return whether a change was sent by a route.

        Each process sends it about the same time, and under the same id unless the interval ends in between.
        """
        now, change = self._clock(), kept.change
        interval = change.time // _SAME_ALARM
        name = f"{kept.machine} {change.alarm.name} {change.number} {change.action} {interval}"
        delivery_id = f"{route.name}:{hashlib.sha256(name.encode()).hexdigest()[:32]}"
        told = Told("cleared" if change.action == "cleared" else "raised", _shortened(kept), interval)
        result = self._attempt(route.route, Notification(delivery_id, route.name, now, (told,)), now)
        self._count("delivered" if result.ok else "repeated")
        return result.ok


def _step_of(kept: KeptChange, route: KeptRoute, now: int) -> WatchStep | None:
    """Return what a change means for its alarm on a route; None if nothing."""
    change, alarm = kept.change, kept.change.alarm
    is_open = alarm.active and alarm.acknowledged is None
    match change.action:
        case "raised" | "unshelved" if is_open and alarm.shelved is None and matches(route.route, kept):
            return _tell(Told("raised", kept), route, now)
        case "cleared" if alarm.shelved is None:
            quiet = quiet_until(route.route.quiet_hours, alarm.severity, now)
            told = Told("cleared", kept) if route.route.cleared else None
            return WatchStep("clear", route.name, kept.machine, alarm.name, told, quiet or now)
        case "cleared" | "ended":
            return WatchStep("end", route.name, kept.machine, alarm.name)
        case "acknowledged":
            return WatchStep("acknowledge", route.name, kept.machine, alarm.name)
        case "shelved":
            return WatchStep("shelve", route.name, kept.machine, alarm.name)
        case _:
            return WatchStep("update", route.name, kept.machine, alarm.name, watch=Told("raised", kept))


def _tell(told: Told, route: KeptRoute, now: int) -> WatchStep:
    """Return the step that tells a route of an open alarm, and begins to watch it."""
    kept, rules = told.change, route.route
    due = quiet_until(rules.quiet_hours, kept.change.alarm.severity, now) or now
    return WatchStep(
        "tell",
        route.name,
        kept.machine,
        kept.change.alarm.name,
        told,
        due,
        watch=told,
        remind=_after(due, rules.remind_minutes),
        escalate=_after(due, rules.escalate_after_minutes),
    )


def _steps_after(
    due: DueWatch, told: Told, route: KeptRoute, routes: Mapping[str, KeptRoute], now: int
) -> list[WatchStep]:
    """Return the steps for a watch that is due."""
    rules, severity = route.route, told.change.change.alarm.severity
    rest = WatchStep("rest", route.name, due.machine, due.alarm, what=due.what)
    if due.what == "e":
        target = routes.get(rules.escalate_to or "")
        return [rest] if target is None else [rest, _tell(Told("escalated", told.change), target, now)]
    if rules.remind_minutes is None:
        return [rest]
    if (until := quiet_until(rules.quiet_hours, severity, now)) is not None:
        return [replace(rest, remind=until)]
    again = Told("reminder", told.change, told.count + 1)
    return [
        WatchStep(
            "remind",
            route.name,
            due.machine,
            due.alarm,
            again,
            now,
            watch=again,
            remind=_after(now, rules.remind_minutes),
        )
    ]


def _after(time: int, minutes: int | None) -> int | None:
    return None if minutes is None else time + minutes * _MINUTE


def _urgency(pending: Pending) -> tuple[int, int]:
    change = pending.told.change.change
    return -SEVERITIES.index(change.alarm.severity), change.time


def _order(pending: Pending) -> tuple[int, int]:
    change = pending.told.change.change
    return change.time, change.number


def _shortened(kept: KeptChange) -> KeptChange:
    """Return a change without its details, if they are too long for a message."""
    alarm = kept.change.alarm
    if len(alarm.details) <= _DETAILS_BYTES:
        return kept
    return replace(kept, change=replace(kept.change, alarm=replace(alarm, details=b"{}")))


def _position(journal_id: str) -> tuple[int, int]:
    """Return a position in the journal as numbers. The empty one comes before all others."""
    milliseconds, _, place = journal_id.partition("-")
    return int(milliseconds or -1), int(place or 0)
