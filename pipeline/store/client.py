"""The connection to Redis. It names everything that other modules need from the library `redis`.

Strategy. Redis replicates a write after it has answered. If its primary fails in between, a replica takes
over without the write, although a reading was acknowledged or a person was told "saved" because of it. So on
an installation with replicas, each command of the client that `connect` returns waits for copies:

- After the command, on the same connection, the client sends `PUBLISH` and `WAIT` (or `WAITAOF`). `WAIT`
  counts the replicas that have everything up to the connection's last replicated command (`c->woff` in
  server.c). A command that changed nothing, such as a retry that finds its own earlier write, is not
  replicated, so `WAIT` alone would not wait for that earlier write. `PUBLISH` is always replicated
  (`publishCommand` in pubsub.c), and it comes after everything that the command saw.
- If there are too few copies, the outcome is unknown: `TooFewCopies`. Callers treat it like a lost
  connection, and repeat the step.
- Then the connection is closed, so that the next step asks the Sentinels for the primary again. A primary
  that is cut off from its replicas and the Sentinels does not know that it has been replaced, and its
  connections stay open.
- Commands that only read do not wait (`_READS`). So pages and status work while a replica is missing.

`plain` returns a client that does not wait, for data that is renewed or made again by itself.
"""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, Final, cast

import redis
import redis.asyncio
import redis.asyncio.sentinel
import redis.sentinel
from redis import RedisError as RedisError
from redis import ResponseError as ResponseError
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.client import Pipeline as Pipeline
from redis.retry import Retry as BlockingRetry
from redis.sentinel import MasterNotFoundError

from pipeline.settings import Settings
from pipeline.store.address import RedisAddress

#: A connection to Redis, safe to share between threads.
Client = redis.Redis

#: Maximum seconds to connect to Redis and to wait for an answer.
_TIMEOUT: Final = 5

#: The same with Sentinels, where another server may be the primary by then: to connect, and to wait for an
#: answer.
_FAILOVER_CONNECT_TIMEOUT: Final = 1
_FAILOVER_TIMEOUT: Final = 3

#: Maximum seconds to connect to a Sentinel and to wait for its answer. The next one is asked after it.
_SENTINEL_TIMEOUT: Final = 1

#: Maximum seconds to wait for copies of a write. It is below `_FAILOVER_TIMEOUT`.
_COPIES_SECONDS: Final = 2.0

#: Milliseconds of one `WAITAOF`. Replicas report their disk once a second, and whenever they are asked: each
#: `WAITAOF` asks them.
_SYNC_MILLISECONDS: Final = 10

#: A command that is always replicated, and changes nothing.
_MARK: Final = ("PUBLISH", "copies", b"")

#: The error of a primary with fewer replicas than `min-replicas-to-write`.
_NO_REPLICAS: Final = "NOREPLICAS"

#: The commands that change nothing that is kept. A comma separates the two words of a command.
_READS: Final = """
    ACL,GETUSER AUTH CLIENT COMMAND CONFIG,GET DBSIZE DUMP EXISTS GET GETRANGE HELLO HEXISTS HGET HGETALL
    HKEYS HLEN HMGET HSCAN HVALS INFO LINDEX LLEN LRANGE MEMORY,USAGE MGET PING PTTL PUBLISH
    PUBSUB,CHANNELS PUBSUB,NUMSUB ROLE SCAN SCARD SCRIPT,EXISTS SCRIPT,LOAD SISMEMBER SMEMBERS STRLEN TIME
    TTL TYPE UNWATCH WATCH XLEN XRANGE XREVRANGE ZCARD ZCOUNT ZINTER ZINTERCARD ZLEXCOUNT ZMSCORE ZRANGE
    ZRANGEBYLEX ZRANGEBYSCORE ZRANK ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE ZSCAN ZSCORE ZUNION
"""
_READ_NAMES: Final = frozenset(_READS.split())


def _only_reads(command: str) -> bool:
    """Return whether a command, such as "GET" or "SCRIPT LOAD", changes nothing that is kept."""
    return command.upper().replace(" ", ",") in _READ_NAMES


class TooFewCopies(RedisError):
    """A write is on the primary, but not on as many replicas as it must be. It may be lost, or not."""


class Copies:
    """How many replicas must have a write. With `synced`, they must also have written it to disk."""

    def __init__(self, replicas: int, *, synced: bool) -> None:
        self.replicas = replicas
        self._synced = synced

    def wait(self, connection: Any) -> None:
        """Wait for copies of everything that was written before. Raises `TooFewCopies`."""
        try:
            count = self._count(connection)
        except ResponseError:
            # The answer to `WAIT` may be on its way. The next command would take it for its own.
            connection.disconnect()
            raise
        if count < self.replicas:
            connection.disconnect()
            what = "disks of replicas" if self._synced else "replicas"
            raise TooFewCopies(
                f"a write is on {count} {what} after {_COPIES_SECONDS:g} s; {self.replicas} must have it "
                "(IOT_LOGIC_REDIS_REPLICAS)"
            )

    def _count(self, connection: Any) -> int:
        """Return how many replicas have it, as soon as there are enough."""
        if self._synced:
            connection.send_command(*_MARK)
            connection.read_response()
            return self._wait_for_disks(connection)
        wait = ("WAIT", self.replicas, int(_COPIES_SECONDS * 1_000))
        connection.send_packed_command(connection.pack_commands([_MARK, wait]))
        connection.read_response()
        return int(connection.read_response())

    def _wait_for_disks(self, connection: Any) -> int:
        """Return how many replicas have it on disk; 0 if the primary itself does not."""
        end = time.monotonic() + _COPIES_SECONDS
        while True:
            connection.send_command("WAITAOF", 1, self.replicas, _SYNC_MILLISECONDS)
            local, count = map(int, connection.read_response())
            count = count if local else 0
            if count >= self.replicas or time.monotonic() > end:
                return count


@contextmanager
def _leaving(connection: Any) -> Iterator[None]:
    """Close the connection if the primary refuses a write because it has lost its replicas."""
    try:
        yield
    except ResponseError as e:
        if _NO_REPLICAS in str(e):  # a pipeline puts its own words before it
            connection.disconnect()
        raise


class _CopiedPipeline(Pipeline):
    """A pipeline that waits for copies after its last command."""

    copies: Copies

    def _execute_transaction(self, connection: Any, commands: Any, raise_on_error: bool) -> Any:
        return self._copied(super()._execute_transaction, connection, commands, raise_on_error)

    def _execute_pipeline(self, connection: Any, commands: Any, raise_on_error: bool) -> Any:
        return self._copied(super()._execute_pipeline, connection, commands, raise_on_error)

    def _copied(
        self, execute: Callable[..., Any], connection: Any, commands: Any, raise_on_error: bool
    ) -> Any:
        with _leaving(connection):
            answers = execute(connection, commands, raise_on_error)
        if not all(_only_reads(str(arguments[0])) for arguments, _ in commands):
            self.copies.wait(connection)
        return answers


class _CopiedClient(redis.Redis):
    """A client that waits for copies after each command that may write."""

    copies: Copies

    def _send_command_parse_response(self, conn: Any, command_name: str, *args: Any, **options: Any) -> Any:
        send: Any = super()._send_command_parse_response
        with _leaving(conn):
            answer = send(conn, command_name, *args, **options)
        if not _only_reads(command_name):
            self.copies.wait(conn)
        return answer

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Pipeline:
        """Return a pipeline that waits for copies after its last command."""
        pipeline = _CopiedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        pipeline.copies = self.copies
        return pipeline


def _no_primary(address: RedisAddress) -> MasterNotFoundError:
    """Return the error if no Sentinel names a primary. The library's own shows all its settings."""
    sentinels = ", ".join(f"{host}:{port}" for host, port in address.sentinels)
    return MasterNotFoundError(
        f"none of the Sentinels {sentinels} names a working primary {address.service!r}"
    )


class _Sentinels(redis.sentinel.Sentinel):
    """The Sentinels, with an error that people can read."""

    address: RedisAddress

    def discover_master(self, service_name: str) -> Any:
        """Return the address of the primary."""
        try:
            return super().discover_master(service_name)  # type: ignore[no-untyped-call]
        except MasterNotFoundError:
            raise _no_primary(self.address) from None


class _AsyncSentinels(redis.asyncio.sentinel.Sentinel):
    """The same for asyncio."""

    address: RedisAddress

    async def discover_master(self, service_name: str) -> Any:
        """Return the address of the primary."""
        try:
            return await super().discover_master(service_name)
        except redis.asyncio.sentinel.MasterNotFoundError:
            raise _no_primary(self.address) from None


def connect(settings: Settings) -> Client:
    """Return a client for this installation's Redis, safe to share between threads.

    It connects on first use. Its writes wait for `redis_replicas` copies; see the head of this file. Raises
    `SettingsError` if the address is invalid.
    """
    address = RedisAddress.parse(settings.redis_url)
    replicas = address.replicas if settings.redis_replicas is None else settings.redis_replicas
    kind = _CopiedClient if replicas else redis.Redis
    client = _client(address, kind)
    if isinstance(client, _CopiedClient):
        client.copies = Copies(replicas, synced=settings.redis_replicas_sync)
    return client


def replicas_required(client: Client) -> int:
    """Return how many replicas must have a write of this client before it counts."""
    return client.copies.replicas if isinstance(client, _CopiedClient) else 0


def plain(client: Client) -> Client:
    """Return a client on the same connections whose writes wait for no copies."""
    return redis.Redis(connection_pool=client.connection_pool)


def _client(address: RedisAddress, kind: type[Client]) -> Client:
    if not address.service:
        return kind.from_url(
            address.url, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT, protocol=3
        )
    # redis-py would ask a Sentinel that does not answer eleven times before it asks the next one.
    once = BlockingRetry(NoBackoff(), 0)
    sentinel = _Sentinels(  # type: ignore[no-untyped-call]
        address.sentinels, sentinel_kwargs={**address.sentinel_options(_SENTINEL_TIMEOUT), "retry": once}
    )
    sentinel.address = address
    client = sentinel.master_for(  # type: ignore[no-untyped-call]
        address.service,
        kind,
        **address.options,
        socket_timeout=_FAILOVER_TIMEOUT,
        socket_connect_timeout=_FAILOVER_CONNECT_TIMEOUT,
        protocol=3,
    )
    return cast("Client", client)


@asynccontextmanager
async def connect_async(url: str, timeout: float) -> "AsyncIterator[redis.asyncio.Redis]":
    """Yield a client for asyncio that raises an error immediately if the connection is cut.

    `timeout` is the maximum number of seconds to connect, and to wait for the answer to a command.
    """
    address = RedisAddress.parse(url)
    options: dict[str, Any] = {
        "protocol": 3,
        "socket_connect_timeout": timeout,
        "socket_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
    }
    async with AsyncExitStack() as stack:
        if not address.service:
            yield await stack.enter_async_context(redis.asyncio.Redis.from_url(address.url, **options))
            return
        sentinel_options = {**address.sentinel_options(_SENTINEL_TIMEOUT), "retry": options["retry"]}
        sentinel = _AsyncSentinels(  # type: ignore[no-untyped-call]
            address.sentinels, sentinel_kwargs=sentinel_options
        )
        sentinel.address = address
        for each in sentinel.sentinels:
            await stack.enter_async_context(each)
        client = sentinel.master_for(address.service, **address.options, **options)
        yield await stack.enter_async_context(client)


def missing_durability(client: Client) -> str | None:
    """Return a sentence that says what this Redis would lose in a crash; None if it loses nothing confirmed.

    Also None if this Redis does not allow clients to read its configuration, as with hosted services. Raises
    `RedisError`.
    """
    try:
        config = client.config_get("appendonly", "appendfsync")
    except ResponseError:
        return None
    if config.get("appendonly") != "yes":
        return "Redis keeps nothing on disk (appendonly no): a restart of it loses states and logic."
    if config.get("appendfsync") != "always":
        return (
            "Redis writes to disk once a second (appendfsync everysec): a crash of its machine loses the "
            "states of the last second. Set appendfsync always."
        )
    return None
