"""Dramatiq's consumer of readings: it holds this worker's partitions and builds batches from them.

Dramatiq sees one queue and one consumer. Behind it are the partitions that are assigned to this worker
(`pipeline.worker.membership`). Each has its own channel (`pipeline.worker.partition`), all on one connection:

- A batch takes all readings that have arrived, up to a limit, from every partition that has nothing in
  flight. So a few readings in many partitions make one batch. Under load, when one partition fills a batch,
  the worker processes the next partition's batch while the broker confirms the first.
- The consumer hands out a batch only when a worker thread is free. Until then, arriving readings enlarge the
  next batch. While another batch is being processed, the consumer hands out a batch only if it is large or
  has waited for some milliseconds: small batches would only take turns on the same core.
- The consumer acknowledges a batch when the broker has confirmed its messages. No thread waits for that: the
  worker thread is free as soon as everything is written.
- A worker without a connection to RabbitMQ says so, and the others take over its partitions. It leaves a node
  that is cut off from the others (`pipeline.broker.cluster_watch`).
- A worker ends its sessions if Redis has not answered it for so long that the other workers count it out.
- A partition that is no longer assigned is released after its readings in flight. A newly assigned partition
  is consumed once the worker has taken its fence (`pipeline.store.sessions`): when the previous session has
  released it, at once if the worker of that session has vanished, or else after `_FENCE_SECONDS`. Taking the
  fence too early is safe, but the previous session loses its work in flight, which is then done again.

Threads: everything runs on Dramatiq's consumer thread, which also runs the connection's loop. Worker threads
call `ack`, and the publisher calls back on its own thread; both leave their work to the consumer thread.
Requests to Redis about fences and timers run on a separate thread, one at a time, because the connection must
not wait for them.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Event
from typing import Any, Final

import pika.exceptions
from dramatiq import Message
from dramatiq.broker import Consumer, MessageProxy
from pika.adapters.select_connection import IOLoop

from pipeline import wire
from pipeline.broker import topology
from pipeline.broker.cluster_watch import ClusterWatch, watch
from pipeline.broker.connection import Connection, reason_of
from pipeline.clock import milliseconds_now
from pipeline.errors import BrokerUnavailable, SessionLost, TopologyError
from pipeline.model.session import NAME_BYTES, Fence, Settled
from pipeline.model.topic_source import SourceInUse, is_source
from pipeline.settings import Settings
from pipeline.store.client import RedisError
from pipeline.store.sessions import Sessions
from pipeline.store.timers import Rest, TimerIndex
from pipeline.store.topic_sources import TopicSources
from pipeline.telemetry import logs
from pipeline.worker.batch import Batch, Share
from pipeline.worker.membership import Membership
from pipeline.worker.metrics import WorkerMetrics
from pipeline.worker.partition import Partition
from pipeline.worker.source_declaration import declare
from pipeline.worker.timer_pace import TimerPace

#: Maximum readings in a batch. This is half of the prefetch, so that the next batch has arrived when this one
#: is done.
BATCH_READINGS: Final = wire.PREFETCH // 2
#: Maximum bytes of readings in a batch. This bounds the memory of one batch in the worker, the sandbox and
#: Redis.
BATCH_BYTES: Final = 4 * 1024**2

#: A batch of `_LARGE` readings is worth a second thread. After `_PATIENCE_SECONDS` any batch is.
_LARGE: Final = BATCH_READINGS // 4
_PATIENCE_SECONDS: Final = 0.01

#: Seconds between two checks of the assignment, and between two attempts to connect.
_TICK_SECONDS: Final = 0.25

#: Seconds that a session waits for a fence while the worker that holds it is alive. That worker has readings
#: in flight, or does not know yet that it must release the partition.
_FENCE_SECONDS: Final = 5.0

#: Seconds that a stopping worker waits for the confirms of its published messages.
_CLOSING_SECONDS: Final = 10


_logger = logging.getLogger(__name__)


class BatchMessage(MessageProxy):
    """The message that carries a batch to the actor. It exists in this process only and is never encoded."""

    def __init__(self, batch: Batch) -> None:
        super().__init__(
            Message(
                queue_name=wire.READINGS_EXCHANGE,
                actor_name="process_batch",
                args=(batch,),
                kwargs={},
                # An expected error, so Dramatiq logs it in one line without a traceback.
                options={"throws": SessionLost},
            )
        )
        self.batch = batch


class BatchConsumer(Consumer):
    """Yields a `BatchMessage`, or None every `timeout` milliseconds so that its thread can check for a stop.

    `threads` is the number of batches that may be processed at once. `stopping` is set when the worker must
    stop.
    """

    def __init__(
        self,
        settings: Settings,
        membership: Membership,
        sessions: Sessions,
        topic_sources: TopicSources,
        timers: TimerIndex,
        metrics: WorkerMetrics,
        stopping: Event,
        *,
        threads: int,
        timeout: int,
    ) -> None:
        self._settings = settings
        self._membership = membership
        self._sessions = sessions
        self._topic_sources = topic_sources
        self._timers = timers
        self._asking_for_timers = False
        self._metrics = metrics
        self._threads = threads
        self._stopping = stopping
        self._timeout = timeout / 1000
        self._loop = IOLoop()
        self._loop.activate_poller()
        self._connection: Connection | None = None
        self._watch: ClusterWatch | None = None
        self._partitions: dict[int, Partition] = {}
        #: The partitions whose fences this worker wants, and since when.
        self._wanted: dict[int, float] = {}
        self._taking = False
        self._fences = ThreadPoolExecutor(1, "fences")
        self._under_way = set[Future[None]]()
        self._first = 0
        self._busy = 0
        self._handed_out_at = 0.0
        self._pace = TimerPace()
        self._tick()

    def __next__(self) -> BatchMessage | None:
        give_up = time.monotonic() + self._timeout
        while time.monotonic() < give_up:
            batch = self._take() if self._is_due() else None
            if batch is not None:
                self._busy += 1
                self._handed_out_at = time.monotonic()
                self._pace.begin(batch)
                self._loop.call_later(_PATIENCE_SECONDS, lambda: None)  # to check again then
                return BatchMessage(batch)
            self._poll()
        return None

    def _is_due(self) -> bool:
        """Return whether the consumer should hand out a batch now, if there is anything to hand out."""
        if self._busy >= self._threads or self._stopping.is_set():
            return False
        return (
            self._busy == 0
            or time.monotonic() >= self._handed_out_at + _PATIENCE_SECONDS
            or sum(partition.waiting for partition in self._partitions.values() if partition.has_readings)
            >= _LARGE
        )

    def _take(self) -> Batch | None:
        """Return a batch of the partitions that have nothing in flight. They take turns to be first."""
        most = self._pace.most(
            sum(partition.waiting for partition in self._partitions.values() if partition.has_readings)
        )
        ready = [
            partition
            for partition in self._partitions.values()
            if partition.has_readings or (most and partition.has_timers)
        ]
        ready.sort(key=lambda partition: (partition.number < self._first, partition.number))
        shares, readings, size, timers = list[Share](), BATCH_READINGS, BATCH_BYTES, most
        for partition in ready:
            if readings <= 0 or size <= 0:
                break
            if timers <= 0 and not partition.has_readings:
                continue
            share = partition.take(readings, size, timers)
            readings -= len(share.readings)
            timers -= len(share.due)
            size -= sum(len(reading.body) for reading in share.readings)
            shares.append(share)
            self._first = partition.number + 1
        return Batch(shares) if shares else None

    def ack(self, message: MessageProxy) -> None:
        """Acknowledge a batch when its messages are confirmed, or give it back if it could not be processed.

        Dramatiq calls this after the actor has run, also if the actor raised an error.
        """
        assert isinstance(message, BatchMessage)
        batch = message.batch
        self._loop.add_callback_threadsafe(partial(self._processed, batch))

    nack = ack

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Give back batches that no worker thread has started. Dramatiq calls this when it stops."""
        for message in messages:
            assert isinstance(message, BatchMessage)
            _give_back(message.batch)

    def close(self) -> None:
        """Close the connection once all finished work is confirmed, so that none of it is redelivered."""
        give_up = time.monotonic() + _CLOSING_SECONDS
        for partition in list(self._partitions.values()):
            partition.release()
        while self._partitions and time.monotonic() < give_up:
            self._poll()
        if self._connection is not None and self._connection.is_open:
            if self._watch is None:
                self._connection.close()
            else:
                self._watch.close()
        while self._connection is not None and time.monotonic() < give_up:
            self._poll()
        while self._under_way and time.monotonic() < give_up:
            self._poll()
        self._fences.shutdown(wait=False, cancel_futures=True)
        self._loop.close()

    # Everything below runs on the consumer's thread.

    def _poll(self) -> None:
        """Wait for an event, at most one tick, and handle it."""
        self._loop.poll()
        self._loop.process_timeouts()

    def _tick(self) -> None:
        """Do the periodic work: connect, follow the assignment, report the partitions that are held."""
        self._loop.call_later(_TICK_SECONDS, self._tick)
        if self._stopping.is_set():
            for partition in list(self._partitions.values()):
                partition.tick()
            return
        if self._membership.counted_out:
            for partition in list(self._partitions.values()):
                partition.end()
        elif self._connection is not None and self._connection.is_open:
            self._follow(self._membership.assigned)
        for partition in self._partitions.values():
            partition.tick()
        self._membership.settled = {
            partition.fence: partition.settled for partition in self._partitions.values()
        }
        self._membership.holding = [partition.holding() for partition in self._partitions.values()]
        self._ask_for_timers()
        if self._connection is None:
            self._connect()  # last, because it may take seconds

    def _ask_for_timers(self) -> None:
        """Ask the index for the machines of the held partitions whose timers are due."""
        wanted = {each.number: most for each in self._partitions.values() if (most := each.timers_wanted)}
        if wanted and not self._asking_for_timers:
            self._asking_for_timers = True
            self._ask(partial(self._find_timers, wanted))

    def _on_timers(self, due: Mapping[int, Mapping[str, int]]) -> None:
        self._asking_for_timers = False
        for number, machines in due.items():
            if partition := self._partitions.get(number):
                partition.wake(machines)

    def _on_rested(self, fence: Fence, rests: Sequence[Rest]) -> None:
        partition = self._partitions.get(fence.partition)
        if partition is not None and partition.fence == fence:
            partition.rested([each.machine for each in rests])
        self._ask_for_timers()

    def _connect(self) -> None:
        try:
            parameters = topology.ensure(self._settings)
            declare(self._settings, self._topic_sources)
        except (pika.exceptions.AMQPError, TopologyError, BrokerUnavailable) as e:
            _logger.warning("RabbitMQ is unavailable; retrying: %s", reason_of(e))
        else:
            self._connection = Connection(parameters, self._loop, self._on_open, self._on_end)

    def _on_open(self, connection: Any) -> None:
        self._watch = watch(self._settings.amqp_url, connection, self._loop)
        self._membership.disconnected_at = None
        self._follow(self._membership.assigned)

    def _on_end(self, _connection: object, reason: BaseException) -> None:
        if not self._stopping.is_set():
            _logger.warning("the connection to RabbitMQ was lost; reconnecting: %s", reason_of(reason))
            self._metrics.broker_losses.inc()
        if self._membership.disconnected_at is None:
            self._membership.disconnected_at = time.monotonic()
        if self._watch is not None:
            self._watch.abort()
        self._connection = self._watch = None

    def _follow(self, assigned: frozenset[int]) -> None:
        """Hold exactly the assigned partitions."""
        assert self._connection is not None
        for number, partition in list(self._partitions.items()):
            if number not in assigned:
                partition.release()
            elif source := self._membership.sources.get(number):
                partition.use(source)
        now, missing = time.monotonic(), sorted(assigned - self._partitions.keys())
        self._wanted = {number: self._wanted.get(number, now) for number in missing}
        if self._wanted and not self._taking:
            self._taking = True
            self._ask(partial(self._take_fences, self._connection, dict(self._wanted)))

    def _on_fences(self, connection: Connection, taken: list[tuple[Fence, SourceInUse | None]]) -> None:
        """Consume the partitions whose fences were taken, if this worker still wants them."""
        self._taking = False
        for fence, source in taken:
            if connection is self._connection and connection.is_open and fence.partition in self._wanted:
                del self._wanted[fence.partition]
                self._partitions[fence.partition] = Partition(
                    connection, fence, self._on_partition_end, source
                )
            else:
                self._ask(partial(self._give_up, fence, Settled(complete=True), drops=False))

    def _on_partition_end(self, partition: Partition, reason: BaseException) -> None:
        _logger.debug("the session of %s has ended: %r", partition.queue, reason)
        del self._partitions[partition.number]
        settled = partition.settled
        # No reading that was processed by the rules of the source can come back, so they may change.
        drops = partition.source is not None and settled.complete and partition.was_caught_up
        self._ask(partial(self._give_up, partition.fence, settled, drops=drops))

    def _ask(self, question: Callable[[], None]) -> None:
        """Ask Redis about fences, after all earlier questions. Errors other than Redis's end the consumer."""

        def asked(future: "Future[None]") -> None:
            self._under_way.discard(future)
            if not future.cancelled() and future.exception() is not None:
                self._loop.add_callback_threadsafe(future.result)

        future = self._fences.submit(question)
        self._under_way.add(future)
        future.add_done_callback(asked)

    # These run on the thread for fences.

    def _find_timers(self, wanted: Mapping[int, int]) -> None:
        due: Mapping[int, Mapping[str, int]] = {}
        try:
            due = self._timers.due(wanted, milliseconds_now())
        except RedisError as e:
            _logger.warning("timers wait for Redis: %s", e)
        self._loop.add_callback_threadsafe(partial(self._on_timers, due))

    def _rest(self, fence: Fence, rests: Sequence[Rest]) -> None:
        try:
            self._timers.rest(fence, rests)
        except RedisError as e:
            _logger.warning("timers that have run are looked at again because Redis is unavailable: %s", e)
        self._loop.add_callback_threadsafe(partial(self._on_rested, fence, rests))

    def _take_fences(self, connection: Connection, wanted: Mapping[int, float]) -> None:
        taken = list[tuple[Fence, SourceInUse | None]]()
        try:
            for number, since in wanted.items():
                fence = Fence(number, os.urandom(NAME_BYTES))
                if not self._sessions.take(fence, self._membership.id, partial(self._may_oust, since)):
                    continue
                source = self._membership.sources.get(number)
                adopted = source and self._topic_sources.adopt(fence, source)
                if adopted is not None or not is_source(number):
                    taken.append((fence, adopted))
        except RedisError as e:
            _logger.warning("partitions are not consumed yet because Redis is unavailable: %s", e)
        self._loop.add_callback_threadsafe(partial(self._on_fences, connection, taken))

    def _may_oust(self, since: float, worker: str) -> bool:
        has_vanished = worker in self._membership.vanished
        return has_vanished or time.monotonic() - since > _FENCE_SECONDS

    def _give_up(self, fence: Fence, settled: Settled, *, drops: bool) -> None:
        try:
            if drops:
                self._topic_sources.drop(fence)
            self._sessions.give_up(fence, settled)
        except RedisError as e:
            _logger.warning("the next worker of partition %s must wait for the fence: %s", fence.partition, e)

    # Everything below runs on the consumer's thread again.

    def _processed(self, batch: Batch) -> None:
        """Note that a worker thread is free again."""
        self._busy -= 1
        if pause := self._pace.end(batch):
            self._loop.call_later(pause, lambda: None)  # to look for timers then
        if batch.published is None:
            _give_back(batch)
        else:
            settle = partial(self._loop.add_callback_threadsafe, partial(self._settle, batch))
            batch.published.add_done_callback(lambda _: settle())

    def _settle(self, batch: Batch) -> None:
        """Acknowledge each partition's readings if their messages are confirmed."""
        assert batch.published is not None
        with logs.about(batch.about):
            if error := batch.published.exception():
                _logger.warning("%r is returned to RabbitMQ: %s", batch, error)
                _give_back(batch)
                return
            _logger.debug("the batch's messages are confirmed")
        for share in batch.shares:
            if share.rests:
                self._ask(partial(self._rest, share.session.fence, share.rests))
            share.session.settle()
            if share.moved is not None:
                share.moved.add_done_callback(partial(self._moved, share))
        self._metrics.confirmed(batch)

    def _moved(self, share: Share, _moved: "Future[None]") -> None:
        """Handle that all moved readings of a share are in the overflow. Runs on the publisher's thread."""
        self._loop.add_callback_threadsafe(partial(self._settle_moved, share))

    def _settle_moved(self, share: Share) -> None:
        """Acknowledge the readings that waited for moved readings to arrive in the overflow."""
        assert share.moved is not None
        if error := share.moved.exception():
            _logger.warning("readings of %s are returned to RabbitMQ: %s", share.session.queue, error)
            share.session.end()
        else:
            share.session.settle_moved()


def _give_back(batch: Batch) -> None:
    """Let the broker redeliver the readings to the next sessions, which may be on this worker again."""
    for share in batch.shares:
        share.session.end()
