"""A session of a partition: which readings it considers settled, when it ends, and its release."""

from collections.abc import Iterator
from concurrent.futures import Future

import pika
import pytest

import pipeline.worker.partition as partition_module
from pipeline import wire
from pipeline.model.reading import Reading
from pipeline.model.session import Settled
from pipeline.worker.partition import Partition, _count_header
from pipeline.worker.proof import Proof
from tests.support.held import HeldPartition


@pytest.fixture
def held(broker_url: str) -> Iterator[HeldPartition]:
    held = HeldPartition(broker_url)
    yield held
    held.close()


def numbers(first: int, last: int) -> list[bytes]:
    return [b"%d" % number for number in range(first, last + 1)]


def test_acknowledged_readings_are_not_settled_until_a_probe_proves_it(held: HeldPartition) -> None:
    held.send(b"1", b"2", b"3")
    held.settle_all()
    assert held.partition.settled.delivery == 0

    def proven() -> bool:
        held.partition.tick()
        return held.partition.settled.delivery == 3

    held.until(proven)


def test_deliveries_beyond_the_prefetch_prove_which_readings_are_settled(
    held: HeldPartition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Proof, "publish", lambda _self, **_: None)
    held.send(*numbers(1, 10))
    held.settle_all()
    held.send(*numbers(11, wire.PREFETCH))
    assert held.partition.settled.delivery == 0

    held.send(*numbers(wire.PREFETCH + 1, wire.PREFETCH + 7))

    assert held.partition.settled.delivery == 7


def test_a_probe_is_acknowledged_behind_the_readings_before_it(held: HeldPartition) -> None:
    """If it were acknowledged before them, it would make room for a delivery that proves too much."""
    held.send(b"1")
    held.settle_all()
    held.send(b"2")
    held.partition.tick()
    held.until(lambda: held.partition._probe_tag > 0)
    proof = held.partition._proof
    assert proof is not None

    held.send(*numbers(3, wire.PREFETCH))
    assert proof.delivered == wire.PREFETCH + 1  # the probe is one of them, and reading 1 is settled

    held.settle_all()
    held.send(b"0")
    assert held.partition.settled.delivery <= proof.acknowledged


def test_a_session_ends_when_its_own_readings_are_redelivered_to_it(held: HeldPartition) -> None:
    held.send(b"1", b"2")
    first = held.take()

    held.partition._channel.basic_recover(requeue=True)
    held.until(lambda: held.ended)

    assert [reading.redelivered for reading in first] == [False, False]
    assert held.partition.lost()


def readings_after_a_return(held: HeldPartition) -> list[tuple[bytes, int]]:
    """Return the bodies and tags of a session after the queue has delivered its readings again."""
    held.send(b"1", b"2")
    held.partition._channel.basic_recover(requeue=True)
    held.until(lambda: held.ended or held.partition.waiting == 4)
    return [(reading.body, reading.tag) for reading in held.partition._waiting]


def test_without_the_count_it_would_have_them_twice_under_different_tags(
    held: HeldPartition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Partition, "_is_given_back", lambda *_: False)

    assert readings_after_a_return(held) == [(b"1", 1), (b"2", 2), (b"1", 3), (b"2", 4)]


def test_readings_of_an_earlier_session_do_not_end_a_session(held: HeldPartition, broker_url: str) -> None:
    held.send(*numbers(1, 5))
    held.partition.end()
    held.until(lambda: held.ended)
    successor = HeldPartition(broker_url, b"session2")
    successor.until(lambda: successor.partition.waiting == 5)

    successor.send(b"6")
    readings, ended = successor.take(), list(successor.ended)
    successor.close()

    assert [reading.redelivered for reading in readings] == [True] * 5 + [False]
    assert [reading.body for reading in readings] == numbers(1, 6)
    assert ended == []


@pytest.mark.parametrize("header", ["x-delivery-count", "x-acquired-count"])
def test_a_device_that_forges_the_brokers_delivery_count_does_not_end_a_session(
    held: HeldPartition, broker_url: str, header: str
) -> None:
    held.send(b"1")
    held.send(b"2", headers={header: 99})
    held.send(b"3")
    held.partition.end()
    held.until(lambda: held.ended)

    successor = HeldPartition(broker_url, b"session2")
    successor.until(lambda: successor.partition.waiting == 3 or successor.ended)

    assert not successor.ended
    successor.close()


@pytest.mark.parametrize(
    ("version", "header"),
    [
        ("3.10.8", "x-delivery-count"),
        ("4.2.9", "x-delivery-count"),
        ("4.3.0", "x-acquired-count"),
        ("10.0", "x-acquired-count"),
        ("", "x-delivery-count"),
    ],
)
def test_the_header_with_the_delivery_count_depends_on_the_brokers_version(version: str, header: str) -> None:
    assert _count_header({"version": version}) == header


def test_a_released_session_ends_when_all_that_it_acknowledged_is_proven(held: HeldPartition) -> None:
    held.send(b"1", b"2")
    held.settle_all()

    held.partition.release()
    held.until(lambda: held.ended)

    assert held.partition.settled == Settled(2, complete=True)


def test_a_session_that_ends_in_another_way_is_not_complete(held: HeldPartition) -> None:
    held.send(b"1", b"2")
    held.settle_all()

    held.partition.end()
    held.until(lambda: held.ended)

    assert held.partition.settled == Settled(0)


def test_a_released_session_with_more_readings_than_the_prefetch_is_proven_by_them(
    held: HeldPartition,
) -> None:
    held.send(b"1", b"2")
    held.take()
    held.partition.release()
    held.send(*numbers(3, wire.PREFETCH))

    held.partition.settle()
    held.until(lambda: held.ended)

    assert held.partition.settled.delivery == 2


def send_to_overflow(broker_url: str, *places: int) -> None:
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for place in places:
            headers = {wire.MACHINE_HEADER: "m1", wire.PLACE_HEADER: place}
            channel.basic_publish(
                "", wire.overflow_queue(0), b"%d" % place, pika.BasicProperties(headers=headers)
            )


def bodies(readings: list[Reading]) -> list[bytes]:
    return [reading.body for reading in readings]


def moving(held: HeldPartition, broker_url: str) -> Future[None]:
    """Start a session: readings 1 and 2 are moved to the overflow, while 3, 4 and two others wait."""
    held.send(b"1", b"2")
    share = held.partition.take(wire.PREFETCH, 2**30)
    share.moved = Future()
    held.partition.settle()
    held.send(b"3", b"4")
    send_to_overflow(broker_url, 98, 99)
    held.until(lambda: held.partition.waiting == 4)
    return share.moved


def test_while_readings_are_moved_to_the_overflow_only_readings_from_there_are_handed_out(
    held: HeldPartition, broker_url: str
) -> None:
    moving(held, broker_url)

    first = held.settle_all()
    ready = held.partition.has_readings
    held.partition.settle_moved()
    rest = held.settle_all()

    assert bodies(first) == [b"98", b"99"]
    assert not ready
    assert bodies(rest) == [b"3", b"4"]


def test_acknowledging_these_readings_does_not_acknowledge_earlier_ones(
    held: HeldPartition, broker_url: str
) -> None:
    """The readings from the overflow have the higher tags."""
    moving(held, broker_url)
    held.settle_all()
    held.partition.end()
    held.until(lambda: held.ended)

    successor = HeldPartition(broker_url, b"session2")
    successor.until(lambda: successor.partition.waiting == 4)
    back = bodies(successor.take())
    successor.close()

    assert back == numbers(1, 4)


def test_a_batch_that_runs_while_the_move_completes_is_acknowledged_separately(
    held: HeldPartition, broker_url: str
) -> None:
    moving(held, broker_url)
    out = held.take()
    held.partition.settle_moved()
    held.partition.settle()
    held.partition.end()
    held.until(lambda: held.ended)

    successor = HeldPartition(broker_url, b"session2")
    successor.until(lambda: successor.partition.waiting == 2)
    back = bodies(successor.take())
    successor.close()

    assert bodies(out) == [b"98", b"99"]
    assert back == [b"3", b"4"]


def test_a_released_session_does_not_wait_indefinitely_for_room_in_the_overflow(
    held: HeldPartition, broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partition_module, "_PROOF_SECONDS", 0.2)
    moving(held, broker_url)

    def ended() -> object:
        held.partition.tick()
        return held.ended

    held.partition.release()
    held.until(ended)

    assert not held.partition.settled.complete


def test_a_probe_that_arrives_meanwhile_is_acknowledged_when_no_reading_is_held(
    held: HeldPartition, broker_url: str
) -> None:
    held.send(b"1")
    held.partition.take(wire.PREFETCH, 2**30).moved = Future()
    held.partition.settle()
    send_to_overflow(broker_url, 99)
    held.until(lambda: held.partition.waiting == 1)
    held.take()
    held.partition.settle_moved()
    held.partition.tick()
    held.until(lambda: held.partition._probe_tag > 0)

    held.partition.settle()
    held.partition.end()
    held.until(lambda: held.ended)
    successor = HeldPartition(broker_url, b"session2")
    successor.send(b"2")
    [reading] = successor.take()
    successor.close()

    assert reading.delivery == 1  # the probe did not come back before it
