"""How far behind each partition is, from the broker's counts and the workers' reports."""

from collections.abc import Sequence

import pika
from msgspec import Struct

from pipeline import topology
from pipeline.membership import Report, assignment
from pipeline.settings import Settings


class PartitionState(Struct, frozen=True):
    """A partition: who is to have it, who consumes it, and how far behind it is.

    `assigned_to` and `held_by` are ids of workers; for some seconds after a worker came or went they may
    differ. `ready` readings wait in the partition's queue, `overflow` of machines that flood it in its
    overflow, and `held` were handed to a worker and are not acknowledged. `rate` is readings a second that
    were acknowledged lately. `seconds_behind` is how long what waits takes at that rate: 0 where nothing
    waits, null where nothing moves.
    """

    partition: int
    assigned_to: str | None
    held_by: list[str]
    ready: int
    overflow: int
    held: int
    rate: float
    seconds_behind: float | None


def partition_states(settings: Settings, workers: Sequence[Report]) -> list[PartitionState]:
    """All partitions, in order. Raises pika's error where the broker cannot be asked."""
    owners = assignment([worker.id for worker in workers], settings.partitions)
    depths = _depths(settings)
    return [
        _state(partition, owners.get(partition), workers, *depths[partition])
        for partition in range(settings.partitions)
    ]


def _state(
    partition: int, owner: str | None, workers: Sequence[Report], ready: int, overflow: int
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
    )


def _depths(settings: Settings) -> list[tuple[int, int]]:
    """How many readings wait in each partition's queue, and in its overflow."""
    topology.ensure(settings)
    with pika.BlockingConnection(pika.URLParameters(settings.amqp_url)) as connection:
        channel = connection.channel()

        def depth(queue: str) -> int:
            count: int = channel.queue_declare(queue, passive=True).method.message_count
            return count

        return [
            (depth(topology.readings_queue(partition)), depth(topology.overflow_queue(partition)))
            for partition in range(settings.partitions)
        ]
