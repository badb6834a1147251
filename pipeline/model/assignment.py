"""The assignment of partitions to workers."""

from collections.abc import Collection, Sequence
from hashlib import blake2b


def eligible(workers: Collection[str], disconnected: Collection[str]) -> list[str]:
    """Return the workers among which the partitions are divided, sorted.

    A worker without RabbitMQ has no share, unless no worker has RabbitMQ: then all keep their shares, so that
    no partition moves when it is back.
    """
    return sorted(set(workers) - set(disconnected)) or sorted(workers)


def assignment(workers: Sequence[str], partitions: int) -> dict[int, str]:
    """Return the worker of each partition. All processes that know the same workers get the same result.

    This is rendezvous hashing, so that few partitions move when a worker comes or goes, with an upper bound:
    no worker has more than the number of partitions divided by the number of workers, rounded up. The result
    is empty if there are no workers.
    """
    if not workers:
        return {}
    room = dict.fromkeys(workers, -(-partitions // len(workers)))
    owners = dict[int, str]()
    for partition in range(partitions):
        owner = max(
            (worker for worker in room if room[worker]), key=lambda worker: _weight(worker, partition)
        )
        owners[partition] = owner
        room[owner] -= 1
    return owners


def _weight(worker: str, partition: int) -> bytes:
    return blake2b(f"{worker}/{partition}".encode(), digest_size=8).digest()
