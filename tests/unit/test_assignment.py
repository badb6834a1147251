"""The assignment of partitions: the same on all workers, even, and stable when a worker joins or leaves."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.assignment import assignment, eligible

PARTITIONS = 64

worker_sets = st.sets(st.text("abcdef0123456789-", min_size=1, max_size=12), min_size=1, max_size=12)


@given(worker_sets, st.integers(1, 256))
def test_every_partition_has_an_owner_and_no_worker_has_more_than_an_even_share(
    workers: set[str], partitions: int
) -> None:
    owners = assignment(sorted(workers), partitions)

    counts = [list(owners.values()).count(worker) for worker in workers]
    assert sorted(owners) == list(range(partitions))
    assert max(counts) <= -(-partitions // len(workers))


@given(worker_sets)
def test_the_order_of_the_workers_does_not_change_the_assignment(workers: set[str]) -> None:
    assert assignment(sorted(workers), PARTITIONS) == assignment(sorted(workers, reverse=True), PARTITIONS)


def test_without_workers_there_are_no_owners() -> None:
    assert assignment([], PARTITIONS) == {}


def test_when_a_worker_joins_most_partitions_keep_their_owner() -> None:
    owners = [assignment([f"worker-{n}" for n in range(count)], PARTITIONS) for count in range(1, 9)]

    for count, (before, after) in enumerate(pairwise(owners), start=2):
        moved = sum(before[partition] != after[partition] for partition in range(PARTITIONS))
        # A new worker's even share, and as many again because the upper bound pushes other partitions along.
        assert moved <= 2 * -(-PARTITIONS // count)


def test_a_worker_without_rabbitmq_has_no_share() -> None:
    assert eligible({"b", "a", "c"}, {"b", "vanished"}) == ["a", "c"]


def test_if_no_worker_has_rabbitmq_all_keep_their_shares() -> None:
    assert eligible({"b", "a"}, {"a", "b"}) == ["a", "b"]
