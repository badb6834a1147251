"""Checks whether Redis and RabbitMQ keep writes and confirm messages.

A server that answers may still refuse every write: a replica, a full memory or disk, too few replicas. So the
check writes a key into Redis as all writes are written, and publishes a message to a queue for this and waits
for its confirm. RabbitMQ stops reading from publishers while it has an alarm, so it answers nothing. A node
that is cut off from the others confirms nothing.

A check may wait for a server that does not answer, and anybody may ask for it. So only one runs at a time;
meanwhile, others get its last result.
"""

import time
from concurrent.futures import Future
from threading import Lock
from typing import Final

from pipeline.broker.publisher import Publisher
from pipeline.errors import PublishError
from pipeline.store.client import Client, RedisError
from pipeline.store.keys import READY_KEY
from pipeline.store.trouble import trouble_of

#: Seconds that RabbitMQ may take to confirm a message.
_PATIENCE: Final = 2.0

#: Seconds for which a result is valid.
_VALID: Final = 0.5

#: Seconds after which Redis forgets the written key.
_EXPIRY: Final = 60


class ReadinessCheck:
    """Checks both servers. Safe to share between threads."""

    def __init__(self, client: Client, publisher: Publisher) -> None:
        self._redis = client
        self._publisher = publisher
        self._probe: Future[None] | None = None
        self._running = Lock()
        self._result: dict[str, str] | None = None
        self._checked = float("-inf")

    def missing(self) -> dict[str, str]:
        """Return each service that does not do its work, with a sentence about it; empty if all do."""
        if self._running.acquire(blocking=self._result is None):
            try:
                if time.monotonic() - self._checked > _VALID:
                    self._result = self._check()
                    self._checked = time.monotonic()
            finally:
                self._running.release()
        return self._result or {}

    def _check(self) -> dict[str, str]:
        troubles = {"redis": self._redis_trouble(), "rabbitmq": self._rabbitmq_trouble()}
        return {service: trouble for service, trouble in troubles.items() if trouble is not None}

    def _redis_trouble(self) -> str | None:
        try:
            self._redis.set(READY_KEY, b"", ex=_EXPIRY)
        except RedisError as e:
            return trouble_of(e)
        return None

    def _rabbitmq_trouble(self) -> str | None:
        if not self._publisher.connected:
            return f"RabbitMQ is unavailable: {self._publisher.lost_because}."
        if self._probe is None or self._probe.done():
            self._probe = self._publisher.probe()
        try:
            self._probe.result(_PATIENCE)
        except TimeoutError:
            return self._publisher.blocked or "RabbitMQ does not confirm messages. Look into its log."
        except PublishError as e:
            return f"RabbitMQ is unavailable: {e}."
        return None
