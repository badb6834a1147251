"""The partitions of this worker. Every worker announces itself in Redis, and all compute the same assignment.

- Once a second, each worker process writes its id, with the time of Redis's clock, into a sorted set. The
  others count out a worker that has not done so for `EXPIRY_SECONDS`. `pipeline.store.workers` shows the data
  that Redis keeps of each worker.
- Each worker computes from the ids in the set which worker has which partition (`assignment`), also the
  partitions of sources. They agree as soon as all have read the same set, at most a second later.
- While they disagree, or one is wrong, two workers may want a partition, or none. Neither does harm: only one
  session at a time holds its fence (`pipeline.store.sessions`), and readings wait in the partition.
- A worker that has had no connection to RabbitMQ for `_RABBITMQ_SECONDS` says so, and the others take over
  its partitions. It keeps reporting, so that people see why it does nothing. If no worker has RabbitMQ, all
  keep their partitions (`eligible`).
- While Redis does not answer, or too few replicas have this worker's reports, the assignment stays unchanged
  until the others count this worker out. Then it ends its sessions, which cannot write any more. Otherwise
  RabbitMQ would keep delivering to this worker instead of the worker that has taken over.
"""

import logging
import os
import secrets
import socket
from collections import deque
from collections.abc import Callable
from threading import Event, Thread
from time import monotonic
from typing import Final

from msgspec.structs import replace

from pipeline.clock import now
from pipeline.model.assignment import assignment, eligible
from pipeline.model.session import Fence, Settled
from pipeline.model.topic_source import SourceInUse
from pipeline.store.client import Client, RedisError
from pipeline.store.sessions import Sessions
from pipeline.store.topic_sources import SourceList, TopicSources
from pipeline.store.workers import EXPIRY_SECONDS, Activity, Batches, Heartbeats, Holding, WorkerStatus
from pipeline.version import VERSION

#: Seconds between two heartbeats.
BEAT_SECONDS: Final = 1.0

#: Seconds without a connection to RabbitMQ after which a worker leaves its partitions to the others: longer
#: than it takes to connect to another node. Each move of a partition costs some work in flight.
_RABBITMQ_SECONDS: Final = 3.0

#: Number of heartbeats over which the batch size is averaged.
_BEATS: Final = 10

_logger = logging.getLogger(__name__)


class Membership:
    """This worker among the others. A thread keeps it up to date from `join` to `leave`.

    `assigned` are the partitions that this worker must hold, and `sources` the sources of all partitions that
    have one, as they should be used. `vanished` are the workers that stopped their heartbeats without
    leaving. The consumer reports the partitions it holds in `holding`, and in `settled` how far each of its
    sessions is settled; the thread writes that to `sessions`. It also reports in `disconnected_at` since when
    it has had no connection to RabbitMQ, None if it has one.
    """

    def __init__(
        self,
        client: Client,
        sessions: Sessions,
        partitions: int,
        activity: Callable[[], Activity] = Activity,
        *,
        threads: int = 1,
        metrics: str | None = None,
    ) -> None:
        self.id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
        self.assigned = frozenset[int]()
        self._answered_at = monotonic()
        self.vanished = frozenset[str]()
        self.holding: list[Holding] = []
        self.settled: dict[Fence, Settled] = {}
        self.disconnected_at: float | None = monotonic()
        self.sources: dict[int, SourceInUse] = {}
        self._topic_sources = TopicSources(client)
        self._known = SourceList()
        self.sessions = sessions
        self._heartbeats = Heartbeats(client)
        self._partitions = partitions
        self._activity = activity
        self._threads = threads
        self._metrics = metrics
        self._since = now()
        self._activities = deque([Activity()], maxlen=_BEATS)
        self._settled: dict[int, int] = {}
        self._readings = 0
        self._beat_at = monotonic()
        self._leaving = Event()
        self._thread = Thread(target=self._run, name="membership", daemon=True)

    @property
    def counted_out(self) -> bool:
        """Whether Redis has not answered for so long that the others count this worker out."""
        return monotonic() - self._answered_at > EXPIRY_SECONDS

    def join(self) -> None:
        """Join the workers and start the thread."""
        self._thread.start()

    def leave(self) -> None:
        """Leave the workers, so that the others can take over at once."""
        self._leaving.set()
        self._thread.join()
        try:
            self._heartbeats.leave(self.id)
        except RedisError as e:
            _logger.warning(
                "could not leave the list of workers; the others will notice within %s s: %s",
                EXPIRY_SECONDS,
                e,
            )

    def _run(self) -> None:
        while not self._leaving.is_set():
            try:
                self._beat()
            except RedisError as e:
                _logger.warning("Redis is unavailable; the assignment of partitions does not change: %s", e)
            self._leaving.wait(BEAT_SECONDS)

    def _beat(self) -> None:
        self.sessions.note(self.settled)
        members = self._heartbeats.beat(self._report())
        self._answered_at, self.vanished = monotonic(), members.vanished
        self._known = self._topic_sources.newer(self._known)
        sources = self._known.consumed
        owners = assignment(eligible(members.present, members.disconnected), self._partitions, sources)
        self.sources = {partition: each.in_use for partition, each in sources.items()}
        self.assigned = frozenset(partition for partition, owner in owners.items() if owner == self.id)

    def _connected(self) -> bool:
        """Return whether this worker can process readings, as far as RabbitMQ is concerned."""
        since = self.disconnected_at
        return since is None or monotonic() - since <= _RABBITMQ_SECONDS

    def _report(self) -> WorkerStatus:
        before, self._settled = self._settled, {each.partition: each.settled for each in self.holding}
        began, self._beat_at = self._beat_at, monotonic()
        seconds = max(self._beat_at - began, 0.001)
        new = {
            partition: max(0, count - before.get(partition, 0)) for partition, count in self._settled.items()
        }
        self._readings += sum(new.values())
        activity, holding = self._activity(), self.holding
        return WorkerStatus(
            id=self.id,
            host=socket.gethostname(),
            pid=os.getpid(),
            version=VERSION,
            since=self._since,
            threads=self._threads,
            metrics=self._metrics,
            connected=self._connected(),
            assigned=sorted(self.assigned),
            holding=[replace(each, rate=new.get(each.partition, 0) / seconds) for each in holding],
            held=sum(each.held for each in holding),
            in_flight=sum(each.in_flight for each in holding),
            readings=self._readings,
            rate=sum(new.values()) / seconds,
            batches=self._batches(activity),
            sandbox_restarts=sum(activity.restarts.values()),
            sandbox_restart_causes={cause: count for cause, count in activity.restarts.items() if count},
        )

    def _batches(self, activity: Activity) -> Batches:
        before = self._activities[0]
        self._activities.append(activity)
        batches, readings = activity.batches - before.batches, activity.readings - before.readings
        return Batches(activity.batches, activity.last, round(readings / batches, 1) if batches else None)
