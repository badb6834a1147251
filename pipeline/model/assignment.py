"""The assignment of partitions to workers."""

from collections.abc import Collection, Sequence
from hashlib import blake2b


def eligible(workers: Collection[str], disconnected: Collection[str]) -> list[str]:
    """Return the workers among which the partitions are divided, sorted.

    A worker without RabbitMQ has no share, unless no worker has RabbitMQ: then all keep their shares, so that
    no partition moves when it is back.
    """
    return sorted(set(workers) - set(disconnected)) or sorted(workers)


def assignment(workers: Sequence[str], partitions: int, sources: Collection[int] = ()) -> dict[int, str]:
    """Return the worker of each partition, also of `sources`, the numbers of the sources' partitions.

    All processes that know the same workers and sources get the same result. The sources are assigned apart,
    so a new source moves none of the other partitions.
    """
    return _assigned(workers, range(partitions)) | _assigned(workers, sorted(sources))


def _assigned(workers: Sequence[str], partitions: Sequence[int]) -> dict[int, str]:
    """Return the worker of each of these partitions.

    This is rendezvous hashing, so that few partitions move when a worker comes or goes, with an upper bound:
    no worker has more than the number of partitions divided by the number of workers, rounded up. The result
    is empty if there are no workers.
    """
    if not workers:
        return {}
    room = dict.fromkeys(workers, -(-len(partitions) // len(workers)))
    owners = dict[int, str]()
    for partition in partitions:
        owner = max(
            (worker for worker in room if room[worker]), key=lambda worker: _weight(worker, partition)
        )
        owners[partition] = owner
        room[owner] -= 1
    return owners


def _weight(worker: str, partition: int) -> bytes:
    return blake2b(f"{worker}/{partition}".encode(), digest_size=8).digest()
