"""The plant's own alarms: what the system itself lacks. They have the same life as the alarms of machines.

Each API process looks at the plant every few seconds. The one with the lease raises and clears the alarms, so
that two processes that see different things do not contradict each other. A condition must last for some
seconds before it is an alarm, and be gone for some before the alarm is cleared. Where something cannot be
known, for example how much waits while RabbitMQ is away, the alarm stays as it is.

Without Redis there is neither a lease nor a place for an alarm. Then each process tells by itself that Redis
is away, by the notification routes that it read last (`SendNow`). When Redis is back, the alarm is written
with the time at which it began, and cleared as any other.

The same thread ends the shelving of alarms whose time is over, and notes what is down
(`pipeline.plant.outages`).
"""

import logging
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from threading import Event, Thread
from typing import Final, Protocol

import msgspec

from pipeline.clock import milliseconds_now
from pipeline.errors import BrokerUnavailable, NoAlarm
from pipeline.model.alarm import AlarmChange, Alarms, KeptChange
from pipeline.plant.alarms import AlarmDesk
from pipeline.plant.lag import PartitionState, QueueState
from pipeline.plant.outages import OutageLog
from pipeline.settings import Settings
from pipeline.store.alarms import AlarmStore
from pipeline.store.client import RedisError
from pipeline.store.keys import ALARMS_WATCH_KEY
from pipeline.store.workers import WorkerList
from sandbox.job import ALARM_MESSAGE_CHARS, Raised, Severity

#: Seconds between two looks at the plant.
_INTERVAL_SECONDS: Final = 2.0

#: Seconds for which a process has the lease.
_LEASE_SECONDS: Final = 15.0

#: Seconds for which a condition must last until it is an alarm, by the name of the alarm.
_PATIENCE: Final = {
    "redis": 5.0,
    "rabbitmq": 5.0,
    "no-worker": 10.0,
    "partition-unserved": 30.0,
    "lag": 10.0,
    "dead-letters": 0.0,
}

#: Seconds for which it must be gone until the alarm is cleared.
_CALM_SECONDS: Final = 5.0

#: The most partitions and queues to name in an alarm.
_NAMED: Final = 10

_logger = logging.getLogger(__name__)


class PlantView(Protocol):
    """What can be seen of the plant. The methods may raise `RedisError` and `BrokerUnavailable`."""

    def missing(self) -> dict[str, str]:
        """Return each server that does not do its work, `redis` or `rabbitmq`, with a sentence."""

    def workers(self) -> WorkerList:
        """Return the workers."""

    def partition_numbers(self) -> list[int]:
        """Return the numbers of all partitions."""

    def partitions(self, partitions: Sequence[int]) -> list[PartitionState]:
        """Return these partitions."""

    def all_queues(self) -> list[QueueState]:
        """Return all queues."""

    def dead_letters(self) -> int:
        """Return how many dead letters are kept."""


#: Tells people of a change without Redis.
SendNow = Callable[[KeptChange], None]


#: How to raise each alarm of the plant, or None if there is no cause for it. An alarm that is missing stays
#: as it is.
Seen = Mapping[str, Raised | None]


def look(plant: PlantView, settings: Settings) -> Seen:
    """Look at the plant."""
    missing = plant.missing()
    alarms: dict[str, Raised | None] = {
        name: _raised("critical", missing[name]) if name in missing else None
        for name in ("redis", "rabbitmq")
    }
    if "redis" in missing:
        return alarms
    try:
        alarms["no-worker"] = _no_worker(plant, missing)
        alarms["dead-letters"] = _dead_letters(plant, settings)
        if "rabbitmq" not in missing:
            alarms["partition-unserved"] = None if alarms["no-worker"] else _unserved(plant)
            alarms["lag"] = _lag(plant, settings)
    except (RedisError, BrokerUnavailable) as e:
        _logger.info("not all of the plant can be seen: %s", e)
    return alarms


def _no_worker(plant: PlantView, missing: Mapping[str, str]) -> Raised | None:
    # Without RabbitMQ no worker is connected, and that is no second fault.
    if any(worker.connected or "rabbitmq" in missing for worker in plant.workers().present):
        return None
    return _raised("critical", "No worker runs, or none is connected to RabbitMQ: readings wait.")


def _dead_letters(plant: PlantView, settings: Settings) -> Raised | None:
    count = plant.dead_letters()
    if count < settings.alarm_dead_letters:
        return None
    return _raised("minor", f"{settings.alarm_dead_letters:,} dead letters or more are kept.", count=count)


def _unserved(plant: PlantView) -> Raised | None:
    states = plant.partitions(plant.partition_numbers())
    found = [each.partition for each in states if not each.held_by]
    if not found:
        return None
    return _raised("major", "Partitions have no worker: their readings wait.", partitions=found[:_NAMED])


def _lag(plant: PlantView, settings: Settings) -> Raised | None:
    queues = {
        each.name: each.oldest_seconds
        for each in plant.all_queues()
        if each.kind in ("readings", "overflow")
        and each.oldest_seconds is not None
        and each.oldest_seconds >= settings.alarm_lag_seconds
    }
    if not queues:
        return None
    worst = sorted(queues, key=lambda name: queues[name], reverse=True)[:_NAMED]
    return _raised("major", f"Readings wait for {settings.alarm_lag_seconds} s or longer.", queues=worst)


def _raised(severity: Severity, message: str, **details: object) -> Raised:
    return Raised(severity, message[:ALARM_MESSAGE_CHARS], msgspec.json.encode(details))


class Patience:
    """For how long each condition has lasted, or has been gone. Times are those of a monotonic clock."""

    def __init__(self) -> None:
        self._since = dict[str, tuple[bool, float]]()

    def judge(self, seen: Seen, now: float) -> dict[str, tuple[Raised | None, float]]:
        """Return what has lasted long enough, each with the seconds for which it lasts."""
        judged = dict[str, tuple[Raised | None, float]]()
        for name, raised in seen.items():
            holds, since = self._since.get(name, (None, now))
            if holds != (raised is not None):
                since = now
            self._since[name] = raised is not None, since
            if now - since >= (_CALM_SECONDS if raised is None else _PATIENCE[name]):
                judged[name] = raised, now - since
        return judged


class PlantWatch:
    """Looks at the plant. `start` starts its thread, and `close` ends it. `outages` has what is down."""

    def __init__(
        self,
        settings: Settings,
        plant: PlantView,
        store: AlarmStore,
        desk: AlarmDesk,
        send_now: SendNow | None = None,
    ) -> None:
        self._settings = settings
        self._plant = plant
        self._store = store
        self._desk = desk
        self._send_now = send_now
        self._name = uuid.uuid4().hex
        self._patience = Patience()
        self.outages = OutageLog(lambda: store.read_plant()[1].alarms)
        #: The change of which this process has told people, while Redis is away.
        self._redis_away: AlarmChange | None = None
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="plant alarms", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(_INTERVAL_SECONDS):
            try:
                self.step()
            except RedisError as e:
                _logger.warning("the plant's own alarms cannot be written: %s", e)
            except Exception as e:
                # Without this thread, nobody would be told of anything that the plant lacks.
                _logger.error("the plant's own alarms have an internal error", exc_info=e)

    def step(self) -> None:
        """Look at the plant once, and raise and clear what must be. Raises `RedisError`."""
        seen = look(self._plant, self._settings)
        self.outages.note(seen)
        judged = self._patience.judge(seen, time.monotonic())
        if seen["redis"] is not None:
            if "redis" in judged:
                self._tell_of_redis(*judged["redis"])
            return
        if self._store.take_lease(ALARMS_WATCH_KEY, self._name, _LEASE_SECONDS):
            self._write(judged)
            self._end_shelvings()
        elif self._redis_away is not None:
            # The one with the lease may not have seen it, but people were told. It clears the alarm.
            self._write({})
        self._redis_away = None

    def _tell_of_redis(self, raised: Raised | None, seconds: float) -> None:
        if raised is None or self._redis_away is not None:
            return
        alarms = Alarms({}, 0)
        alarms.raise_("redis", raised, milliseconds_now() - int(1000 * seconds))
        [self._redis_away] = alarms.changes
        _logger.error("Redis is away: %s", raised.message)
        if self._send_now is not None:
            self._send_now(KeptChange("", None, self._redis_away))

    def _write(self, judged: dict[str, tuple[Raised | None, float]]) -> None:
        while True:
            token, plant = self._store.read_plant()
            alarms, now = Alarms(plant.alarms, plant.number), milliseconds_now()
            if (away := self._redis_away) is not None:
                was = away.alarm
                alarms.raise_("redis", Raised(was.severity, was.message, was.details), was.raised)
            for name, (raised, seconds) in judged.items():
                alarm = alarms.now.get(name)
                if raised is None:
                    alarms.clear(name, now)
                elif alarm is None or not alarm.active:
                    alarms.raise_(name, raised, now - int(1000 * seconds))
                elif (alarm.message, alarm.details) != (raised.message, raised.details):
                    alarms.update(name, raised)
            if not (alarms.changes or alarms.silent) or self._store.write_plant(token, alarms):
                return

    def _end_shelvings(self) -> None:
        for machine, name in self._store.shelved(milliseconds_now()):
            try:
                self._desk.end_shelving(machine, name)
            except NoAlarm:
                self._desk.repair(machine, name)
