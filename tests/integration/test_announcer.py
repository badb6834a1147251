"""A worker's announcements to live readers: they are bounded and delay nobody."""

from collections.abc import Iterator
from contextlib import closing

import msgspec
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from pipeline.model.recent import KeptReading
from pipeline.store.pubsub import ALL, Announcement, channel_prefix
from pipeline.worker import announcer as announcer_module
from pipeline.worker.announcer import Announcer
from sandbox.parent.sandbox import Sandbox
from tests.support.batch_driver import BatchDriver, EditedMeanwhile
from tests.support.waiting import wait_until

#: The maximum number of readings per second, and at once, on a channel.
RATE = 10


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, protocol=3) as client:
        yield client


class Listener:
    """Subscribes to one channel, and waits until the workers notice it."""

    def __init__(self, client: redis.Redis, name: str) -> None:
        self.heard: list[Announcement] = []
        channel = channel_prefix(client) + name
        self._pubsub = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._pubsub.subscribe(channel)
        wait_until(lambda: channel.encode() in client.pubsub_channels())

    def wait_for(self, readings: int) -> list[Announcement]:
        """Return the announcements that cover this many readings, sent or counted."""

        def there() -> bool:
            if message := self._pubsub.get_message():
                self.heard.append(msgspec.msgpack.decode(message["data"], type=Announcement))
            return sum(len(each.readings) + each.skipped for each in self.heard) >= readings

        wait_until(there)
        return self.heard

    def close(self) -> None:
        self._pubsub.close()


def readings(count: int, size: int = 10) -> list[bytes]:
    """Return readings as they are stored, numbered from 1."""
    return [
        msgspec.msgpack.encode(KeptReading(number, "", "ok", 1, b"x" * size, size))
        for number in range(1, count + 1)
    ]


def start(announcer: Announcer) -> None:
    """Start the announcer, and wait until it knows that there is a listener."""
    announcer.start()
    wait_until(lambda: announcer.listened)


def told(heard: list[Announcement]) -> list[int]:
    return [reading.number for each in heard for _, reading in each.readings]


def test_each_channel_carries_a_limited_rate_of_readings_and_the_rest_is_counted(client: redis.Redis) -> None:
    announcer = Announcer(client, RATE)
    with closing(Listener(client, ALL)) as everything, closing(Listener(client, "m1")) as one:
        start(announcer)

        announcer.offer({"m1": (readings(4), 4), "m2": (readings(50), 60)})
        announcer.close()

        heard = everything.wait_for(64)
        assert told(heard) == [1, 2, 3, 4, 45, 46, 47, 48, 49, 50]
        assert sum(each.skipped for each in heard) == 54
        assert told(one.wait_for(4)) == [1, 2, 3, 4]


def test_a_batch_that_runs_again_is_announced_once(
    client: redis.Redis, broker_url: str, redis_url: str
) -> None:
    announcer = Announcer(client, RATE)
    partition = BatchDriver(broker_url, redis_url, Sandbox(), records=EditedMeanwhile, announcer=announcer)
    with closing(partition), closing(Listener(client, ALL)) as everything:
        start(announcer)

        partition.process([("m1", b"1"), ("m2", b"1")])
        partition.process([("m3", b"1")])
        announcer.close()

        machines = [machine for each in everything.wait_for(3) for machine, _ in each.readings]
        assert sorted(machines) == ["m1", "m2", "m3"]


def test_waiting_announcements_are_bounded_in_bytes(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcer_module, "_WAITING_BYTES", 1_000)
    announcer = Announcer(client, RATE)
    with closing(Listener(client, ALL)) as everything:
        start(announcer)

        announcer.offer({"m1": (readings(1, 900), 1), "m2": (readings(1, 900), 1)})
        announcer.close()

        heard = everything.wait_for(2)
        assert (told(heard), sum(each.skipped for each in heard)) == ([1], 1)


def test_without_a_listener_nothing_is_stored_or_published(client: redis.Redis) -> None:
    client.config_resetstat()
    announcer = Announcer(client, RATE)
    announcer.start()

    announcer.offer({"m1": (readings(5), 5)})
    wait_until(lambda: "cmdstat_pubsub|channels" in client.info("commandstats"))
    announcer.close()

    assert "cmdstat_publish" not in client.info("commandstats")
    assert not announcer.listened


def test_an_unavailable_redis_delays_nobody_and_stops_nothing() -> None:
    gone = redis.Redis(port=1, retry=Retry(NoBackoff(), 0))
    announcer = Announcer(gone, RATE)
    announcer.start()

    announcer.offer({"m1": (readings(1), 1)})

    announcer.close()
