"""The relays: one publishes each change of an alarm on the exchange `alarms`, another tells people of it.

The changes are in the journal, written together with the records (`pipeline.store.alarms`). A relay reads
them from where it was, hands them to its sink, and only then notes how far it has come. So each change is
handed over at least once, in order, under the same id, whatever is killed in between. The relays are
independent: while RabbitMQ is away, people are told.

Every API process has both relays, and the one with the lease works. A lease lasts some seconds, so another
one goes on soon.
"""

import logging
import uuid
from collections.abc import Sequence
from threading import Event, Thread
from time import monotonic
from typing import Final, Literal, Protocol

from pipeline.broker.alarm import alarm_message
from pipeline.broker.publisher import Publisher
from pipeline.errors import PublishError
from pipeline.model.alarm import KeptChange
from pipeline.store.alarms import AlarmStore
from pipeline.store.client import RedisError
from pipeline.store.keys import alarms_relay_key

#: Seconds for which a relay has the lease, and after which it renews it, or asks for it again.
_LEASE_SECONDS: Final = 15.0
_RENEWAL_SECONDS: Final = 3.0

#: Seconds between two looks into the journal, and after a failure.
_INTERVAL_SECONDS: Final = 0.2
_AGAIN_SECONDS: Final = 1.0

#: Changes that are handed over at once.
_CHANGES: Final = 200

#: Seconds to wait for the broker's confirm.
_PATIENCE_SECONDS: Final = 10.0

_logger = logging.getLogger(__name__)


class Sink(Protocol):
    """Takes all changes, in order; some of them again after a crash."""

    def take(self, changes: Sequence[KeptChange]) -> None:
        """Take changes. Raises `RedisError`, `PublishError` or TimeoutError; then they come again."""


class AlarmPublisher:
    """Publishes changes on the exchange `alarms`."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def take(self, changes: Sequence[KeptChange]) -> None:
        """Publish changes, and wait for the broker's confirm. Raises `PublishError` or TimeoutError."""
        messages = [alarm_message(each.machine, each.change) for each in changes]
        self._publisher.publish(messages).result(_PATIENCE_SECONDS)


class Relay:
    """One relay. `start` starts its thread, and `close` ends it."""

    def __init__(self, name: Literal["published", "told"], store: AlarmStore, sink: Sink) -> None:
        self._name = name
        self._store = store
        self._sink = sink
        self._holder = uuid.uuid4().hex
        self._is_holder, self._asked = False, float("-inf")
        self._stopping = Event()
        self._thread = Thread(target=self._run, name=f"alarms {name}", daemon=True)

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
                self._asked = float("-inf")
                _logger.warning("changes of alarms are not %s yet; they wait in Redis: %s", self._name, e)
                self._stopping.wait(_AGAIN_SECONDS)
            except Exception as e:
                # Without this thread, all changes would wait until the process ends.
                self._asked = float("-inf")
                _logger.error(
                    "changes of alarms are not %s because of an internal error", self._name, exc_info=e
                )
                self._stopping.wait(_AGAIN_SECONDS)
            else:
                if not is_behind:
                    self._stopping.wait(_INTERVAL_SECONDS)
        try:
            self._store.give_lease_back(alarms_relay_key(self._name), self._holder)
        except RedisError:
            _logger.info("the lease of the relay ends by itself, because Redis is unavailable")

    def _has_lease(self) -> bool:
        if (now := monotonic()) - self._asked > _RENEWAL_SECONDS:
            lease = alarms_relay_key(self._name)
            self._is_holder = self._store.take_lease(lease, self._holder, _LEASE_SECONDS)
            self._asked = now
        return self._is_holder

    def _work(self) -> bool:
        """Hand over some changes, if this relay has the lease. Return whether there may be more."""
        if not self._has_lease():
            return False
        # Read each time: a replica that has become the primary may know less than this process remembers.
        last = self._store.relayed(self._name)
        changes = self._store.after(last, _CHANGES)
        if not changes:
            return False
        if self._store.is_dropped(last):
            _logger.error(
                "the journal of alarms was full, and some changes after %s may not have been %s. Raise "
                "IOT_LOGIC_ALARM_JOURNAL_MAX, and keep an API running.",
                last,
                self._name,
            )
        self._sink.take(changes)
        self._store.note_relayed(self._name, changes[-1].id)
        return len(changes) == _CHANGES
