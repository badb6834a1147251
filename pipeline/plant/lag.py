"""The lag of the workers by partition and queue, from the broker's counts and the workers' reports.

The broker says how many messages wait in a queue, but not how old the oldest one is. The worker that consumes
the queue finds that by counting (`pipeline.worker.queue_age`), for as long as it consumes the queue. If the
readings say when they were sent (`pipeline.broker.sent_at`), the total waiting time of the last taken reading
is known as well.
"""

from collections.abc import Sequence
from typing import Literal

import pika
import pika.exceptions
from msgspec import Struct
from pika.adapters.blocking_connection import BlockingChannel

from pipeline import wire
from pipeline.broker import topology
from pipeline.broker.connection import connect, reason_of
from pipeline.errors import BrokerUnavailable, TopologyError
from pipeline.model.assignment import assignment, eligible
from pipeline.model.topic_source import is_source
from pipeline.settings import Settings
from pipeline.store.topic_sources import SourceList
from pipeline.store.workers import Holding, WorkerStatus

#: Maximum seconds for each step of connecting to the broker, and between two heartbeats: no caller should
#: wait long for a count.
_PATIENCE_SECONDS = 5


class PartitionState(Struct, frozen=True):
    """A partition: the worker it is assigned to, the workers that consume it, and its lag.

    `assigned_to` and `held_by` are worker ids. They can differ for some seconds after a worker started or
    stopped. `ready` readings wait in the partition's queue and `overflow` readings in its overflow queue;
    `held` readings were delivered to a worker and are not acknowledged. `rate` is the number of readings
    acknowledged per second. `seconds_behind` is the time to process the waiting readings at that rate: 0 if
    none wait, null if the rate is 0. `source` is the source whose partition it is, null if it has none.
    """

    partition: int
    assigned_to: str | None
    held_by: list[str]
    ready: int
    overflow: int
    held: int
    rate: float
    seconds_behind: float | None
    source: str | None = None


class QueueState(Struct, frozen=True):
    """A queue in RabbitMQ: its messages and its consumers.

    `partition` is null for the two queues of dead letters, which the API consumes. `ready` is the number of
    waiting messages and `consumers` the number of consumers; in a partition's queue one of them is active.
    The oldest message has waited for at least `oldest_seconds`, null if unknown.

    `taken` is when a worker last began to process a reading from the queue (RFC 3339, UTC; null if it has
    not). `waited` is the number of seconds that this reading had waited, null if it does not say when it was
    sent. `source` is the source whose partition the queue belongs to, null if there is none.
    """

    name: str
    kind: Literal["readings", "overflow", "dead-letters", "unknown-topics"]
    partition: int | None
    ready: int
    consumers: int
    oldest_seconds: float | None = None
    taken: str | None = None
    waited: float | None = None
    source: str | None = None


def partition_states(
    settings: Settings,
    workers: Sequence[WorkerStatus],
    partitions: Sequence[int],
    sources: SourceList,
) -> list[PartitionState]:
    """Return these partitions, in order. Raises `BrokerUnavailable`."""
    ids = [worker.id for worker in workers]
    disconnected = [worker.id for worker in workers if not worker.connected]
    owners = assignment(eligible(ids, disconnected), settings.partitions, sources.consumed)
    named = sources.partitions
    names = [
        name(partition) for partition in partitions for name in (wire.readings_queue, wire.overflow_queue)
    ]
    depths = [ready for ready, _ in _counts(settings, names)]
    return [
        _state(
            partition,
            owners.get(partition),
            workers,
            named[partition].name if partition in named else None,
            *depths[2 * place : 2 * place + 2],
        )
        for place, partition in enumerate(partitions)
    ]


def _state(
    partition: int,
    owner: str | None,
    workers: Sequence[WorkerStatus],
    source: str | None,
    ready: int,
    overflow: int,
) -> PartitionState:
    holdings = [
        (worker.id, holding)
        for worker in workers
        for holding in worker.holding
        if holding.partition == partition
    ]
    held, rate = sum(each.held for _, each in holdings), sum(each.rate for _, each in holdings)
    behind = ready + overflow + held
    return PartitionState(
        partition=partition,
        assigned_to=owner,
        held_by=[worker for worker, _ in holdings],
        ready=ready,
        overflow=overflow,
        held=held,
        rate=round(rate, 1),
        seconds_behind=0.0 if behind == 0 else round(behind / rate, 1) if rate else None,
        source=source,
    )


def partition_numbers(settings: Settings, sources: SourceList) -> list[int]:
    """Return the numbers of all partitions that workers consume, those of sources last."""
    return [*range(settings.partitions), *sorted(sources.consumed)]


def queue_names(settings: Settings, sources: SourceList) -> list[str]:
    """Return all queues in the order of the list: those of the dead letters, then partition by partition."""
    partitions = partition_numbers(settings, sources)
    return [
        wire.DEAD_LETTERS_QUEUE,
        wire.UNKNOWN_TOPICS_QUEUE,
        *map(wire.readings_queue, partitions),
        *map(wire.overflow_queue, partitions),
    ]


def queue_states(
    settings: Settings, workers: Sequence[WorkerStatus], names: Sequence[str], sources: SourceList
) -> list[QueueState]:
    """Return these queues, in order. Raises `BrokerUnavailable`."""
    named = {partition: each.name for partition, each in sources.partitions.items()}
    holdings = {holding.partition: holding for worker in workers for holding in worker.holding}
    return [
        _queue(name, ready, consumers, holdings, named)
        for name, (ready, consumers) in zip(names, _counts(settings, names), strict=True)
    ]


def _queue(
    name: str, ready: int, consumers: int, holdings: dict[int, Holding], named: dict[int, str]
) -> QueueState:
    if name == wire.DEAD_LETTERS_QUEUE:
        return QueueState(name, "dead-letters", None, ready, consumers)
    if name == wire.UNKNOWN_TOPICS_QUEUE:
        return QueueState(name, "unknown-topics", None, ready, consumers)
    partition = int(name.rpartition(".")[2])
    is_overflow = name == wire.overflow_queue(partition)
    kind: Literal["readings", "overflow"] = "overflow" if is_overflow else "readings"
    holding, source = holdings.get(partition), named.get(partition)
    if holding is None:
        oldest = None if ready else 0.0
        return QueueState(name, kind, partition, ready, consumers, oldest, source=source)
    oldest, taken, waited = (
        (holding.overflow_oldest_seconds, holding.overflow_taken, holding.overflow_waited)
        if is_overflow
        else (holding.oldest_seconds, holding.taken, holding.waited)
    )
    oldest = oldest if ready else 0.0
    return QueueState(name, kind, partition, ready, consumers, oldest, taken, waited, source)


def _counts(settings: Settings, names: Sequence[str]) -> list[tuple[int, int]]:
    """Return for each of these queues how many messages wait in it, and how many consumers it has."""
    try:
        with connect(
            settings.amqp_url, heartbeat=_PATIENCE_SECONDS, patience=_PATIENCE_SECONDS
        ) as connection:
            try:
                return _counts_of(connection.channel(), names)
            except pika.exceptions.ChannelClosedByBroker:  # not declared yet
                channel = connection.channel()
                topology.declare(channel, settings)
                return _counts_of(channel, names)
    except TopologyError as e:
        raise BrokerUnavailable(str(e)) from e
    except (pika.exceptions.AMQPError, OSError) as e:
        raise BrokerUnavailable(f"RabbitMQ is unavailable: {reason_of(e)}") from e


def _is_source(name: str) -> bool:
    """Return whether a queue belongs to a source's partition."""
    number = name.rpartition(".")[2]
    return number.isdecimal() and is_source(int(number))


def _counts_of(channel: BlockingChannel, names: Sequence[str]) -> list[tuple[int, int]]:
    return [
        _count_of_source(channel, name) if _is_source(name) else _count_of(channel, name) for name in names
    ]


def _count_of(channel: BlockingChannel, name: str) -> tuple[int, int]:
    queue = channel.queue_declare(name, passive=True).method
    return queue.message_count, queue.consumer_count


def _count_of_source(channel: BlockingChannel, name: str) -> tuple[int, int]:
    """Return the counts of a source's queue, which may not exist yet, or not any more."""
    with channel.connection.channel() as own:  # RabbitMQ closes it if there is no such queue
        try:
            return _count_of(own, name)
        except pika.exceptions.ChannelClosedByBroker:
            return 0, 0
