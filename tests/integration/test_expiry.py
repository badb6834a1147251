"""A reading that expires before a worker takes it: a dead letter that can be sent again and counts once."""

import json
import re
import shlex
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from typing import Any
from urllib.parse import urlsplit

import httpx
import pika
import pytest
import redis
from pika.adapters.blocking_connection import BlockingChannel

from pipeline import wire
from pipeline.broker import topology
from pipeline.dead_letters.collector import DeadLetterCollector
from pipeline.dead_letters.redrive import _message
from pipeline.local.rabbitmq import PrivateRabbitmq
from pipeline.local.servers import LocalRabbitmq
from pipeline.model.dead_letter import Letter
from pipeline.settings import Settings
from pipeline.store.dead_letters import LetterFilter, LetterStore
from pipeline.store.topic_sources import TopicSources
from tests.integration.test_collector import CrashesOnce, running
from tests.support.dead_letter_desk import DeadLetterDesk
from tests.support.logics import COUNT_AND_TELL
from tests.support.waiting import wait_until
from web.cli.doctor.management import check_management

M1 = LetterFilter(machine="m1")


@pytest.fixture
def channel(broker_url: str) -> Iterator[BlockingChannel]:
    topology.ensure(Settings(amqp_url=broker_url))
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        yield channel


@pytest.fixture
def letters(redis_url: str) -> Iterator[LetterStore]:
    with redis.Redis.from_url(redis_url, protocol=3) as client:
        yield LetterStore(client)


@pytest.fixture
def desk(broker_url: str, redis_url: str) -> Iterator[DeadLetterDesk]:
    desk = DeadLetterDesk(broker_url, redis_url)
    yield desk
    desk.close()


def expire(channel: BlockingChannel, body: bytes, machine: str = "m1", **properties: Any) -> None:
    """Send a reading with an expiration, as a device does."""
    properties = {"expiration": "50", "delivery_mode": 2} | properties
    channel.basic_publish(
        wire.INGEST_EXCHANGE,
        wire.data_key(machine),
        body,
        pika.BasicProperties(**properties),
        mandatory=True,
    )


def waiting(channel: BlockingChannel, queue: str = wire.DEAD_LETTERS_QUEUE) -> int:
    count: int = channel.queue_declare(queue, passive=True).method.message_count
    return count


def found(letters: LetterStore, where: LetterFilter = M1) -> list[tuple[Letter, bytes | None]]:
    kept = [each.letter for chunk in letters.find(where) for each in chunk]
    return list(zip(kept, letters.bodies(kept), strict=True))


def test_a_reading_that_expires_in_its_partition_is_a_dead_letter_of_its_machine(
    channel: BlockingChannel, letters: LetterStore, broker_url: str
) -> None:
    expire(channel, b'\xff{"n": 1', message_id="one", content_type="text/plain", headers={"machine": "m2"})

    with running(Settings(amqp_url=broker_url), letters):
        wait_until(lambda: letters.count() == 1)

    [(letter, body)] = found(letters)
    assert re.fullmatch("m1/expired-[0-9a-f]{32}", letter.id)
    assert (letter.kind, letter.number, body) == ("expired", None, b'\xff{"n": 1')
    assert (letter.message_id, letter.content_type) == ("one", "text/plain")
    assert re.match(r"This reading expired after 0\.05 s in the queue readings\.\d, before", letter.message)
    assert abs(letter.milliseconds / 1000 - time.time()) < 30


def test_a_reading_that_expires_in_the_overflow_is_a_dead_letter_of_its_machine(
    channel: BlockingChannel, letters: LetterStore, broker_url: str
) -> None:
    for place in (1, 2):
        properties = pika.BasicProperties(
            expiration="50", delivery_mode=2, headers={"machine": "m1", "place": place}
        )
        channel.basic_publish("", wire.overflow_queue(3), b"{}", properties, mandatory=True)

    with running(Settings(amqp_url=broker_url), letters):
        wait_until(lambda: letters.count() == 2)

    assert [(each.kind, body) for each, body in found(letters)] == [("expired", b"{}")] * 2
    assert "in the queue overflow.3" in found(letters)[0][0].message


def test_an_expired_reading_counts_once_however_often_it_is_sent_again(
    channel: BlockingChannel, desk: DeadLetterDesk
) -> None:
    desk.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    expire(channel, b'{"n": 1}')
    wait_until(lambda: desk.letters.count() == 1)
    [(letter, _)] = found(desk.letters)

    assert desk.redriver.send_all(M1) == 1
    assert desk.redriver.send_one(letter)
    desk.process(desk.arrivals(2))

    assert desk.partition.state("m1") == b'{"count":1}'
    assert (desk.ids(), desk.letters.count()) == ([], 0)
    assert desk.letters.keep([(letter, b'{"n": 1}')]) == [False], "RabbitMQ forwards it once more"
    assert desk.ids() == []


def test_an_expired_reading_that_fails_after_it_is_sent_again_names_its_earlier_letter(
    channel: BlockingChannel, desk: DeadLetterDesk
) -> None:
    expire(channel, b'{"n": 1}')
    wait_until(lambda: desk.letters.count() == 1)
    [(before, _)] = found(desk.letters)

    desk.redriver.send_all(M1)
    desk.process(desk.arrivals(1))

    wait_until(lambda: desk.ids() == ["m1/1"])
    [(letter, _)] = found(desk.letters)
    assert (letter.kind, letter.sent_before) == ("no-logic", before.name)


def test_expired_readings_are_sent_again_in_their_order_of_arrival(
    channel: BlockingChannel, desk: DeadLetterDesk
) -> None:
    desk.fail(("m1", 0))
    for n in range(1, 30):
        expire(channel, b'{"n": %d}' % n)
    wait_until(lambda: desk.letters.count() == 30)

    assert desk.redriver.send_all(M1) == 30

    assert [reading.body for reading in desk.arrivals(30)] == [b'{"n": %d}' % n for n in range(30)]
    assert desk.letters.missing("m1", 1, 2) == (1, 2), "letters without a number count for none"


@pytest.mark.parametrize(
    "known",
    [
        {},
        {"message_id": "one"},
        {"headers": {"timestamp_in_ms": 1_764_000_000_000}},
        {"headers": {"x-acquired-count": 1}},
    ],
)
def test_equal_readings_that_expire_together_become_separate_dead_letters(
    channel: BlockingChannel, desk: DeadLetterDesk, known: dict[str, Any]
) -> None:
    time.sleep(1.1 - time.time() % 1)  # so that they expire in the same second
    for _ in range(5):
        expire(channel, b'{"n": 1}', **known)

    wait_until(lambda: desk.letters.count() == 5)

    assert len(set(desk.ids(M1))) == 5


def test_each_expired_reading_is_stored_once_if_the_collector_crashes_before_it_acknowledges(
    channel: BlockingChannel, broker_url: str, redis_url: str
) -> None:
    for n in range(3):
        expire(channel, b'{"n": %d}' % n)
    wait_until(lambda: waiting(channel) == 3)
    with redis.Redis.from_url(redis_url, protocol=3) as client:
        letters = CrashesOnce(client)
        with running(Settings(amqp_url=broker_url), letters) as collector:
            wait_until(lambda: letters.crashed and collector.waiting == 0)

        assert len(found(letters)) == letters.count() == 3


@pytest.mark.parametrize(
    "known", [{"message_id": "one"}, {"headers": {"timestamp_in_ms": 1_764_000_000_000}}]
)
def test_a_reading_that_rabbitmq_forwards_twice_after_a_crash_is_stored_once(
    channel: BlockingChannel, letters: LetterStore, broker_url: str, known: dict[str, Any]
) -> None:
    for second in (1, 2):
        death = {
            "reason": "expired",
            "queue": "readings.0",
            "time": datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC),
        }
        properties = known | {"headers": known.get("headers", {}) | {"x-death": [death]}}
        channel.basic_publish(
            wire.DEAD_LETTERS_EXCHANGE,
            wire.data_key("m1"),
            b"{}",
            pika.BasicProperties(**properties),
            mandatory=True,
        )

    with running(Settings(amqp_url=broker_url), letters) as collector:
        wait_until(lambda: letters.count() > 0 and collector.waiting == 0)

    assert [each.time for each, _ in found(letters)] == ["2026-01-01T00:00:01.000Z"]


def test_a_reading_that_expires_after_it_was_sent_again_keeps_its_letter(
    channel: BlockingChannel, desk: DeadLetterDesk
) -> None:
    desk.fail(("m1", 1))
    [(letter, body)] = found(desk.letters)
    assert body is not None
    message = _message(desk.letters.secret(), letter, body)
    message.properties.expiration = "50"

    channel.basic_publish(message.exchange, message.key, body, message.properties, mandatory=True)
    expire(channel, b'{"n": 2}', headers={"dead-letter": f"1.{'0' * 64}"})  # a claim that a device invented

    wait_until(lambda: desk.letters.count() == 2 and desk.collector.waiting == 0)
    assert [each.kind for each, _ in found(desk.letters)] == ["no-logic", "expired"]


DEATH = {"reason": "expired", "queue": "readings.0", "time": datetime(2026, 1, 1, tzinfo=UTC)}


DEATHS: list[Any] = [
    "expired",
    [],
    ["expired"],
    [["expired"]],
    [{}],
    [DEATH | {"queue": "elsewhere"}],
    [DEATH | {"queue": 7}],
    [DEATH | {"queue": "readings.0\n"}],
    [DEATH | {"reason": ["expired"]}],
    [DEATH | {"reason": "rejected"}],
    [DEATH | {"time": "today"}],
    [DEATH | {"original-expiration": "9" * 5000}],
    [DEATH | {"original-expiration": -1}],
]


def test_forged_death_headers_do_not_stop_the_collector(
    channel: BlockingChannel, letters: LetterStore, broker_url: str
) -> None:
    keys = ["machines.m1.data", "machines.m1.dead-letter", "readings.0", "overflow.0"]
    for number, (key, deaths) in enumerate(product(keys, DEATHS)):
        properties = pika.BasicProperties(headers={"x-death": deaths, "machine": ["m1"], "place": "x"})
        channel.basic_publish(wire.DEAD_LETTERS_EXCHANGE, key, str(number).encode(), properties)

    with running(Settings(amqp_url=broker_url), letters) as collector:
        wait_until(lambda: letters.count() == len(keys) * len(DEATHS) and collector.waiting == 0)

    kinds = Counter(each.kind for each, _ in found(letters, LetterFilter()))
    assert kinds == {"expired": 3 * len(keys), "unknown": 10 * len(keys)}
    assert {each.name[:8] for each, _ in found(letters)} == {"expired-"}


def test_an_expired_reading_is_stored_even_if_the_broker_restarts_before(redis_url: str) -> None:
    with PrivateRabbitmq() as server, redis.Redis.from_url(redis_url, protocol=3) as client:
        settings, letters = Settings(amqp_url=server.amqp_url), LetterStore(client)
        topology.ensure(settings)
        time.sleep(1)  # RabbitMQ 3.10 can lose a quorum queue that was declared less than a second ago
        with pika.BlockingConnection(pika.URLParameters(server.amqp_url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            expire(channel, b"before the restart", message_id="one")
            expire(channel, b"during the restart", message_id="two", machine="m2", expiration="1500")
            moved = pika.BasicProperties(
                expiration="50", delivery_mode=2, headers={"machine": "m1", "place": 1}
            )
            channel.basic_publish("", wire.overflow_queue(0), b"in the overflow", moved, mandatory=True)
            wait_until(lambda: waiting(channel) == 2)
        server.kill()
        server.start()

        collector = DeadLetterCollector(settings, letters, TopicSources(client))
        collector.start()
        wait_until(lambda: letters.count() == 3 and collector.waiting == 0)
        collector.close()

        assert {body for _, body in found(letters, LetterFilter(kind="expired"))} == {
            b"before the restart",
            b"during the restart",
            b"in the overflow",
        }


@pytest.fixture
def older(broker_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A virtual host whose queues an older version declared."""
    arguments = topology.partition_arguments

    def older(settings: Settings) -> dict[str, Any]:
        return {
            name: value
            for name, value in arguments(settings).items()
            if not name.startswith("x-dead-letter-")
        }

    with monkeypatch.context() as patch:
        patch.setattr(topology, "partition_arguments", older)
        topology.ensure(Settings(amqp_url=broker_url))
    return broker_url


def test_the_queues_of_an_older_version_are_accepted_with_one_warning(
    older: str, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        topology.ensure(Settings(amqp_url=older))

    [warning] = caplog.messages
    assert "readings.0, overflow.0, readings.1" in warning
    assert "iot-logic doctor" in warning


def test_without_the_policy_an_older_queue_drops_expired_readings_and_the_doctor_says_how_to_set_it(
    older: str, rabbitmq: LocalRabbitmq, vhost: str
) -> None:
    settings = Settings(amqp_url=older)
    assert rabbitmq.management_url
    with pika.BlockingConnection(pika.URLParameters(older)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        expire(channel, b"dropped", message_id="one")
        queue = next(name for each in range(8) if waiting(channel, name := wire.readings_queue(each)))
        wait_until(lambda: waiting(channel, queue) == 0)

        [wrong] = [
            each for each in check_management(settings, rabbitmq.management_url) if each.level == "wrong"
        ]
        assert "Readings that expire in " in wrong.what
        [note] = [each for each in check_management(settings, "http://127.0.0.1:1") if "older" in each.what]
        assert note.todo.endswith(wrong.todo.removeprefix("Run: "))
        command = shlex.split(wrong.todo)
        assert command[:4] == ["Run:", "rabbitmqctl", "set_policy", "-p"]
        assert command[4:7] == [vhost, "--apply-to", "queues"]
        policy = {
            "pattern": command[8],
            "definition": json.loads(command[9]),
            "priority": 0,
            "apply-to": command[6],
        }
        url = urlsplit(rabbitmq.management_url)
        httpx.put(
            f"{url.geturl()}/api/policies/{vhost}/{command[7]}", json=policy, timeout=30
        ).raise_for_status()

        wait_until(
            lambda: all(each.level == "ok" for each in check_management(settings, rabbitmq.management_url))
        )
        expire(channel, b"kept", message_id="two")
        wait_until(lambda: waiting(channel) == 1)
        assert channel.basic_get(wire.DEAD_LETTERS_QUEUE, auto_ack=True)[2] == b"kept"
