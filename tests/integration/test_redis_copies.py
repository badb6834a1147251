"""With replicas, a write counts only if replicas have it: also one that a retry finds and does not repeat."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from urllib.parse import urlsplit, urlunsplit

import pytest
from msgspec.structs import replace

from pipeline.errors import SettingsError
from pipeline.local.ports import free_port
from pipeline.model.deployment import Deployment
from pipeline.model.role import Role
from pipeline.settings import Settings
from pipeline.store.address import RedisAddress
from pipeline.store.client import (
    Client,
    RedisError,
    ResponseError,
    TooFewCopies,
    connect,
    connect_async,
    plain,
)
from pipeline.store.deployments import MachineDeployments
from pipeline.store.sessions import Sessions
from pipeline.store.tokens import Tokens
from pipeline.store.trouble import trouble_of
from pipeline.worker.membership import Membership
from tests.support.replicated_redis import ReplicatedRedis, Server
from tests.support.waiting import wait_until
from web.cli.doctor.redis import check_redis


@pytest.fixture(scope="module")
def redis_of_three() -> Iterator[ReplicatedRedis]:
    with ReplicatedRedis() as servers:
        yield servers


@contextmanager
def frozen(*servers: Server) -> Iterator[None]:
    """Stop these servers in the middle of everything, as a cut network would."""
    with ExitStack() as stack:
        for server in servers:
            stack.enter_context(server.frozen())
        yield


def settings(servers: ReplicatedRedis, **more: object) -> Settings:
    return Settings(redis_url=servers.url, **more)  # type: ignore[arg-type]


def test_with_sentinels_a_write_that_no_replica_has_does_not_count(redis_of_three: ReplicatedRedis) -> None:
    with connect(settings(redis_of_three)) as client:
        client.set("kept", 1)
        with frozen(*redis_of_three.replicas):
            with pytest.raises(TooFewCopies, match="IOT_LOGIC_REDIS_REPLICAS"):
                client.set("lost", 1)
            # The retry finds the first write, and changes nothing.
            with pytest.raises(TooFewCopies):
                client.set("lost", 2, nx=True)
            for transaction in (False, True):
                with client.pipeline(transaction=transaction) as pipeline:
                    pipeline.set("lost", 3)
                    with pytest.raises(TooFewCopies):
                        pipeline.execute()
        wait_until(lambda: redis_of_three.replicating(2))
        client.set("kept", 2)


def test_reading_and_what_is_renewed_anyway_do_not_wait(redis_of_three: ReplicatedRedis) -> None:
    with connect(settings(redis_of_three)) as client:
        client.set("kept", 1)
        with frozen(*redis_of_three.replicas):
            assert client.get("kept") == b"1"
            assert client.mget(["kept", "none"]) == [b"1", None]
            with client.pipeline(transaction=False) as pipeline:
                pipeline.get("kept")
                pipeline.hlen("none")
                assert pipeline.execute() == [b"1", 0]
            plain(client).set("renewed", 1)
        wait_until(lambda: redis_of_three.replicating(2))


def test_an_answer_to_a_wait_is_not_taken_for_the_next_answer(redis_of_three: ReplicatedRedis) -> None:
    for server in redis_of_three.servers:
        with server.client() as each:
            each.execute_command("ACL", "SETUSER", "channelless", "on", ">pw", "~*", "+@all", "resetchannels")
    parts = urlsplit(redis_of_three.url)
    url = urlunsplit(parts._replace(netloc=f"channelless:pw@{parts.netloc.rpartition('@')[2]}"))
    with connect(Settings(redis_url=url)) as client:
        # The `PUBLISH` that precedes each `WAIT` is refused, and the `WAIT` is not answered yet.
        with frozen(*redis_of_three.replicas), pytest.raises(RedisError, match="channels"):
            client.set("kept", 1)
        assert client.get("kept") == b"1"
    wait_until(lambda: redis_of_three.replicating(2))


def test_a_repeated_change_waits_for_the_copies_that_the_first_one_lacked(
    redis_of_three: ReplicatedRedis,
) -> None:
    with connect(settings(redis_of_three)) as client:
        deployments, tokens = MachineDeployments(client), Tokens(client)
        tokens.create("plant", Role.VIEWER)

        def configure(deployment: Deployment) -> tuple[Deployment, None]:
            return replace(deployment, config=b'{"most":1}'), None

        with frozen(*redis_of_three.replicas):
            for _ in range(2):
                with pytest.raises(TooFewCopies):
                    tokens.revoke("plant")
        wait_until(lambda: redis_of_three.replicating(2))
        deployments.change("pump", configure)
        with frozen(*redis_of_three.replicas), pytest.raises(TooFewCopies):
            deployments.change("pump", configure)
        wait_until(lambda: redis_of_three.replicating(2))
        assert deployments.change("pump", configure).config == b'{"most":1}'
        assert tokens.revoke("plant") is None


def test_a_worker_whose_reports_reach_no_replica_gives_up_its_partitions(
    redis_of_three: ReplicatedRedis,
) -> None:
    with connect(settings(redis_of_three)) as client:
        membership = Membership(client, Sessions(client), partitions=1)
        membership.join()
        try:
            wait_until(lambda: membership.assigned)
            with frozen(*redis_of_three.replicas):
                wait_until(lambda: membership.counted_out)
            wait_until(lambda: not membership.counted_out)
        finally:
            membership.leave()
        wait_until(lambda: redis_of_three.replicating(2))


def test_the_number_of_replicas_is_a_setting(redis_of_three: ReplicatedRedis) -> None:
    replicas = redis_of_three.replicas
    with (
        connect(settings(redis_of_three, redis_replicas=0)) as none,
        connect(settings(redis_of_three, redis_replicas=2)) as both,
    ):
        both.set("kept", 1)
        with frozen(replicas[0]):
            none.set("kept", 2)
            with pytest.raises(TooFewCopies):
                both.set("kept", 3)
        wait_until(lambda: redis_of_three.replicating(2))


def test_the_doctor_says_what_a_failover_would_lose(redis_of_three: ReplicatedRedis) -> None:
    def found(**more: object) -> list[str]:
        with connect(settings(redis_of_three, **more)) as client:
            return [each.what for each in check_redis(client) if each.level != "ok"]

    assert any("accepts writes that the next primary" in each for each in found())
    assert any("nothing waits for them" in each for each in found(redis_replicas=0))
    assert any("If one stops" in each for each in found(redis_replicas=2))
    missing = found(redis_replicas=3)
    assert any("No reading is acknowledged" in each for each in missing)
    assert not any("unavailable" in each for each in missing), "looking changes nothing, so it does not wait"
    with redis_of_three.primary.client() as primary:
        primary.config_set("min-replicas-to-write", 1)
    assert found() == []


def test_a_new_primary_has_every_write_that_counted() -> None:
    written = list[int]()
    with ReplicatedRedis() as servers, connect(settings(servers)) as client:

        def write(number: int) -> bool:
            try:
                client.rpush("numbers", number)
            except RedisError:
                return False
            written.append(number)
            return True

        for number in range(200):
            assert write(number)
        primary = servers.primary
        primary.kill()
        numbers = count(200)
        wait_until(lambda: write(next(numbers)), timeout=60)
        for number in range(1_000, 1_050):
            assert write(number)

        assert servers.primary is not primary
        kept = [int(each) for each in client.lrange("numbers", 0, -1)]
        assert [each for each in kept if each in set(written)] == written


@pytest.mark.parametrize("refuses", [False, True])
def test_a_client_leaves_a_primary_that_does_not_know_that_it_was_replaced(refuses: bool) -> None:
    extra = "min-replicas-to-write 1\nmin-replicas-max-lag 1\n" if refuses else ""
    with ReplicatedRedis(extra) as servers, connect(settings(servers)) as client:
        client.set("kept", 1)
        primary = servers.primary
        primary.cut_off()
        wait_until(lambda: servers.has_other_primary(primary), timeout=60)

        def write() -> bool:
            try:
                return bool(client.set("kept", 2))
            except RedisError:
                return False

        # The Sentinels may choose a second time, if the first choice has no replica yet.
        wait_until(write, timeout=40)
        with primary.client() as old:
            assert old.get("kept") != b"2" or not refuses
            assert old.info("replication")["role"] == "master"


@pytest.mark.parametrize("how", ["command", "pipeline", "transaction"])
def test_a_client_leaves_a_primary_that_refuses_a_write_without_replicas(
    redis_of_three: ReplicatedRedis, how: str
) -> None:
    def write(client: Client) -> None:
        if how == "command":
            client.set("kept", 2)
            return
        with client.pipeline(transaction=how == "transaction") as pipeline:
            pipeline.set("kept", 2)
            pipeline.execute()

    with redis_of_three.primary.client() as primary, connect(settings(redis_of_three)) as client:
        client.set("kept", 1)
        before = client.client_id()
        required = primary.config_get("min-replicas-to-write")["min-replicas-to-write"]
        primary.config_set("min-replicas-to-write", 3)  # more than there are
        try:
            with pytest.raises(ResponseError, match="NOREPLICAS"):
                write(client)
        finally:
            primary.config_set("min-replicas-to-write", required)
        assert client.client_id() != before


def test_live_events_follow_the_primary() -> None:
    async def get(url: str) -> object:
        with suppress(RedisError):
            async with connect_async(url, 5) as client:
                return await client.get("kept")
        return None

    with ReplicatedRedis() as servers:
        with connect(settings(servers)) as client:
            client.set("kept", 1)
        assert asyncio.run(get(servers.url)) == b"1"
        primary = servers.primary
        primary.kill()
        wait_until(lambda: asyncio.run(get(servers.url)) == b"1", timeout=60)


@pytest.mark.parametrize(
    "url",
    [
        "redis+sentinel://host:26379",
        "redis+sentinel:///plant",
        "redis+sentinel://host:port/plant",
        "redis+sentinel://host/plant/first",
        "redis+sentinel://host/plant?unknown=1",
        "redis+sentinel://host/plant?ssl_ca_certs=/ca.pem",
        "http://:secret@host",
        "redis://:secret#1@host:6379/0",
        "redis://:secret/1@host:6379/0",
        "redis://:123?secret@host:6379/0",
        "redis+sentinel://:secret/1@host/plant",
        "host:6379",
    ],
)
def test_an_invalid_address_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="redis\\+sentinel://") as refused:
        RedisAddress.parse(url)

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["redis://user:p%23@host", "unix:///run/redis@1/redis.sock?db=1"])
def test_an_address_of_one_server_is_passed_on(url: str) -> None:
    assert RedisAddress.parse(url) == RedisAddress(url)


def test_an_address_of_sentinels_is_parsed() -> None:
    address = RedisAddress.parse(
        "rediss+sentinel://user:p%40ss@one, [::1]:5000/plant/2?sentinel_password=x&ssl_ca_certs=/ca.pem"
    )

    assert (address.service, address.sentinels) == ("plant", [("one", 26379), ("::1", 5000)])
    assert address.options == {
        "username": "user",
        "password": "p@ss",
        "db": 2,
        "ssl": True,
        "ssl_ca_certs": "/ca.pem",
    }
    assert address.sentinel_options(1)["password"] == "x"


def test_a_sentinel_that_does_not_answer_costs_a_second(redis_of_three: ReplicatedRedis) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]},"
        url = (
            redis_of_three.url.replace("@", f"@{address}", 1)
            if "@" in redis_of_three.url
            else (redis_of_three.url.replace("://", f"://{address}", 1))
        )
        began = time.monotonic()
        with connect(Settings(redis_url=url)) as client:
            client.set("kept", 1)
        asyncio.run(_ping(url))
        seconds = time.monotonic() - began

    assert seconds < 5


def test_the_error_without_a_primary_names_the_sentinels_only() -> None:
    one, two = free_port(), free_port()
    url = f"redis+sentinel://:secret@127.0.0.1:{one},127.0.0.1:{two}/plant?sentinel_password=hidden"
    with connect(Settings(redis_url=url)) as client, pytest.raises(RedisError) as blocking:
        client.ping()
    with pytest.raises(RedisError) as asynchronous:
        asyncio.run(_ping(url))

    for error in (blocking, asynchronous):
        assert trouble_of(error.value) == (
            f"Redis is unavailable: none of the Sentinels 127.0.0.1:{one}, 127.0.0.1:{two} names a working "
            "primary 'plant'."
        )


async def _ping(url: str) -> None:
    async with connect_async(url, timeout=2) as client:
        await client.ping()
