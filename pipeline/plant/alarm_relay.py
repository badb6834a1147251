"""The relay: publishes each change of an alarm on the exchange `alarms`, and hands it to the notifications.

The changes are in the journal, written together with the records (`pipeline.store.alarms`). The relay reads
them from where it was, publishes them, waits for the broker's confirm, hands them on, and only then notes how
far it has come. So each change is published at least once, in order, under the same id, whatever is killed in
between. Every API process has a relay, and the one with the lease works. A lease lasts some seconds, so
another one goes on soon.

The relay also ends the shelving of alarms whose time is over.
"""

import logging
import uuid
from collections.abc import Sequence
from threading import Event, Thread
from typing import Final, Protocol

from pipeline.broker.alarm import alarm_message
from pipeline.broker.publisher import Publisher
from pipeline.clock import milliseconds_now
from pipeline.errors import NoAlarm, PublishError
from pipeline.model.alarm import KeptChange
from pipeline.plant.alarms import AlarmDesk
from pipeline.store.alarms import AlarmStore
from pipeline.store.client import RedisError

#: Seconds for which a relay has the lease.
_LEASE_SECONDS: Final = 5.0

#: Seconds between two looks into the journal, and after a failure.
_INTERVAL_SECONDS: Final = 0.2
_AGAIN_SECONDS: Final = 1.0

#: Changes that are relayed at once.
_CHANGES: Final = 200

#: Seconds to wait for the broker's confirm.
_PATIENCE_SECONDS: Final = 10.0

_logger = logging.getLogger(__name__)


class Listener(Protocol):
    """Learns of all changes, in order; of some of them again."""

    def take(self, changes: Sequence[KeptChange]) -> None:
        """Take changes. Raises `RedisError`; then it gets them again."""


class Relay:
    """One relay. `start` starts its thread, and `close` ends it."""

    def __init__(
        self, store: AlarmStore, desk: AlarmDesk, publisher: Publisher, listeners: Sequence[Listener] = ()
    ) -> None:
        self._store = store
        self._desk = desk
        self._publisher = publisher
        self._listeners = listeners
        self._name = uuid.uuid4().hex
        self._relayed: str | None = None
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="alarms", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """End the thread, and give the lease back."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                is_behind = self._work()
            except (RedisError, PublishError, TimeoutError) as e:
                self._relayed = None
                _logger.warning("changes of alarms are not published; they wait in Redis: %s", e)
                self._stopping.wait(_AGAIN_SECONDS)
            else:
                if not is_behind:
                    self._stopping.wait(_INTERVAL_SECONDS)
        try:
            self._store.give_lease_back(self._name)
        except RedisError:
            _logger.info("the lease of the relay ends by itself, because Redis is unavailable")

    def _work(self) -> bool:
        """Relay some changes, if this relay has the lease. Return whether there may be more."""
        if not self._store.take_lease(self._name, _LEASE_SECONDS):
            self._relayed = None
            return False
        if self._relayed is None:
            self._relayed = self._store.relayed()
        if self._store.is_dropped(self._relayed):
            _logger.error(
                "the journal of alarms was full, and some changes after %s were neither published nor told. "
                "Raise IOT_LOGIC_ALARM_JOURNAL_MAX, and keep an API running.",
                self._relayed,
            )
        changes = self._store.after(self._relayed, _CHANGES)
        if changes:
            messages = [alarm_message(each.machine, each.change) for each in changes]
            self._publisher.publish(messages).result(_PATIENCE_SECONDS)
            for listener in self._listeners:
                listener.take(changes)
            self._store.note_relayed(changes[-1].id)
            self._relayed = changes[-1].id
        self._end_shelvings()
        return len(changes) == _CHANGES

    def _end_shelvings(self) -> None:
        for machine, name in self._store.shelved(milliseconds_now()):
            try:
                self._desk.end_shelving(machine, name)
            except NoAlarm:
                self._desk.repair(machine, name)
