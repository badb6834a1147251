"""Which worker has which partition."""

from collections.abc import Sequence
from hashlib import blake2b


def assignment(workers: Sequence[str], partitions: int) -> dict[int, str]:
    """Who has which partition: the same for everybody who knows the same workers.

    Rendezvous hashing, so that few partitions move when a worker comes or goes, with an even bound: nobody
    has more than the partitions divided by the workers, rounded up. Empty where there are no workers.
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
