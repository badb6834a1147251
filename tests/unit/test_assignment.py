"""Who has which partition: the same for everybody, evenly, and little moves when a worker comes or goes."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.assignment import assignment

PARTITIONS = 64

worker_sets = st.sets(st.text("abcdef0123456789-", min_size=1, max_size=12), min_size=1, max_size=12)


@given(worker_sets, st.integers(1, 256))
def test_every_partition_has_an_owner_and_nobody_more_than_his_even_share(
    workers: set[str], partitions: int
) -> None:
    owners = assignment(sorted(workers), partitions)

    counts = [list(owners.values()).count(worker) for worker in workers]
    assert sorted(owners) == list(range(partitions))
    assert max(counts) <= -(-partitions // len(workers))


@given(worker_sets)
def test_everybody_works_out_the_same_in_whatever_order_he_knows_the_workers(workers: set[str]) -> None:
    assert assignment(sorted(workers), PARTITIONS) == assignment(sorted(workers, reverse=True), PARTITIONS)


def test_without_workers_there_are_no_owners() -> None:
    assert assignment([], PARTITIONS) == {}


def test_when_workers_come_most_partitions_stay_where_they_are() -> None:
    owners = [assignment([f"worker-{n}" for n in range(count)], PARTITIONS) for count in range(1, 9)]

    for count, (before, after) in enumerate(pairwise(owners), start=2):
        moved = sum(before[partition] != after[partition] for partition in range(PARTITIONS))
        # A new worker's even share, and as many again where the bound pushes others along.
        assert moved <= 2 * -(-PARTITIONS // count)
