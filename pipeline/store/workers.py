"""The reports of worker processes, once a second, and of the workers that vanished.

Redis keeps the time of each worker's last report in a sorted set, by Redis's clock, and the report in a hash.
A set has the workers that say that they have no connection to RabbitMQ.
The others count out a worker that is silent for `EXPIRY_SECONDS` (`pipeline.worker.membership`). If it did
not leave by itself, it has vanished: its last report is kept for `VANISHED_SECONDS`, to find out why.
"""

from collections.abc import Mapping
from typing import Final, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pipeline.store.client import Client, plain
from pipeline.store.keys import WORKER_REPORTS_KEY, WORKERS_SEEN_KEY, WORKERS_WITHOUT_RABBITMQ_KEY

#: Seconds without a heartbeat after which a worker is counted out. The broker notices a killed worker at
#: once, so this is the time that its partitions are not processed.
EXPIRY_SECONDS: Final = 5.0

#: Seconds for which a vanished worker is listed, and the maximum number listed.
VANISHED_SECONDS: Final = 600.0
_VANISHED: Final = 100

#: Writes a worker's report, forgets workers that vanished long ago, and returns the current workers, the
#: vanished ones, and those without a connection to RabbitMQ.
_BEAT: Final = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call(ARGV[5] == '1' and 'SREM' or 'SADD', KEYS[3], ARGV[1])
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])) do
    redis.call('ZREM', KEYS[1], id)
    redis.call('HDEL', KEYS[2], id)
    redis.call('SREM', KEYS[3], id)
end
local expiry = now - ARGV[4]
return {
    redis.call('ZRANGEBYSCORE', KEYS[1], expiry, '+inf'),
    redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. expiry),
    redis.call('SMEMBERS', KEYS[3]),
}
"""


class Holding(Struct, frozen=True):
    """A partition that a worker consumes.

    `held` is the number of readings delivered to the worker and not acknowledged; `in_flight` of them are in
    the current batch. The oldest of them was delivered `held_seconds` ago. `settled` is the number of
    readings acknowledged since the worker began to consume the partition, and `rate` the number per second
    since its last report. The oldest reading in the partition's queue has waited for at least
    `oldest_seconds`, the oldest one in its overflow queue for at least `overflow_oldest_seconds`.

    `taken` is when the worker last began to process a reading from the partition's queue (RFC 3339, UTC), and
    `waited` the number of seconds that this reading had waited, null if the reading does not say when it was
    sent. `overflow_taken` and `overflow_waited` are the same for the overflow queue.
    """

    partition: int
    held: int
    settled: int
    in_flight: int = 0
    held_seconds: float = 0.0
    oldest_seconds: float = 0.0
    overflow_oldest_seconds: float = 0.0
    taken: str | None = None
    waited: float | None = None
    overflow_taken: str | None = None
    overflow_waited: float | None = None
    rate: float = 0.0


class Batches(Struct, frozen=True):
    """The batches of a worker since its start.

    `count` is their number, `last` the number of readings in the last batch, and `mean` the average number of
    readings in the batches of the last seconds (null if there were none).
    """

    count: int = 0
    last: int = 0
    mean: float | None = None


class WorkerStatus(Struct, frozen=True, kw_only=True):
    """The report of a worker process.

    `version` is the version of the program, `since` when the process started (RFC 3339, UTC), and `threads`
    the number of threads that process batches. `metrics` is the address for Prometheus, null if there is
    none. `connected` is false if the worker has had no connection to RabbitMQ for some seconds. `assigned`
    lists the partitions assigned to the worker, `holding` those that it consumes; `held` and `in_flight` are
    the totals of these. `readings` is the number of readings processed since the start, and `rate` the number
    per second. `sandbox_restarts` is the number of sandbox children that were lost or killed,
    `sandbox_restart_causes` the number by cause. `heard` is the number of seconds since the report.

    Workers of another version may omit fields.
    """

    id: str
    host: str
    pid: int
    version: str = ""
    since: str | None = None
    threads: int = 0
    metrics: str | None = None
    connected: bool = True
    assigned: list[int]
    holding: list[Holding]
    held: int = 0
    in_flight: int = 0
    readings: int
    rate: float
    batches: Batches = Batches()
    sandbox_restarts: int
    sandbox_restart_causes: Mapping[str, int] = {}
    heard: float = 0.0


class Members(Struct, frozen=True):
    """The ids of the current workers, of the vanished ones, and of those without RabbitMQ."""

    present: frozenset[str]
    vanished: frozenset[str]
    disconnected: frozenset[str]


class Heartbeats:
    """Writes the reports of workers. Every method may raise `RedisError`.

    A report waits for copies, although the next one is a second away: a worker that is cut off together with
    an old primary must notice that it can write nothing, as the workers with the new primary count it out.
    """

    def __init__(self, client: Client) -> None:
        self._redis = plain(client)
        self._beat = client.register_script(_BEAT)

    def beat(self, report: WorkerStatus) -> Members:
        """Write a worker's report. Return the workers."""
        body = msgspec.json.encode(report)
        answer = self._beat(
            keys=[WORKERS_SEEN_KEY, WORKER_REPORTS_KEY, WORKERS_WITHOUT_RABBITMQ_KEY],
            args=[report.id, body, VANISHED_SECONDS, EXPIRY_SECONDS, int(report.connected)],
        )
        each = cast("list[list[bytes]]", answer)
        return Members(*(frozenset(worker.decode() for worker in workers) for workers in each))

    def leave(self, worker: str) -> None:
        """Note that a worker leaves, so that it does not count as vanished."""
        self._redis.zrem(WORKERS_SEEN_KEY, worker)
        self._redis.hdel(WORKER_REPORTS_KEY, worker)
        self._redis.srem(WORKERS_WITHOUT_RABBITMQ_KEY, worker)


class WorkerList(Struct, frozen=True):
    """The current workers, sorted by id, and those that vanished recently, latest first."""

    present: list[WorkerStatus]
    vanished: list[WorkerStatus]


def list_workers(client: Client) -> WorkerList:
    """Return the last reports of all workers. Raises `RedisError`."""
    seconds, microseconds = client.time()
    now = seconds + microseconds / 1e6
    answer = client.zrangebyscore(WORKERS_SEEN_KEY, now - VANISHED_SECONDS, "+inf", withscores=True)
    seen = dict(cast("list[tuple[bytes, float]]", answer))
    present = sorted(worker for worker in seen if now - seen[worker] <= EXPIRY_SECONDS)
    silent = [worker for worker in seen if now - seen[worker] > EXPIRY_SECONDS]
    vanished = sorted(silent, key=lambda worker: -seen[worker])[:_VANISHED]
    if not present and not vanished:
        return WorkerList([], [])
    values = cast("list[bytes | None]", client.hmget(WORKER_REPORTS_KEY, [*present, *vanished]))
    reports = [
        replace(msgspec.json.decode(value, type=WorkerStatus), heard=round(max(0.0, now - seen[worker]), 1))
        for worker, value in zip((*present, *vanished), values, strict=True)
        if value is not None
    ]
    return WorkerList(
        [report for report in reports if report.heard <= EXPIRY_SECONDS],
        [report for report in reports if report.heard > EXPIRY_SECONDS],
    )


class Activity(Struct, frozen=True):
    """The activity of a worker process since its start.

    It has the number of processed batches, the readings in all of them and in the last one, and the number of
    sandbox children that were lost, by cause.
    """

    batches: int = 0
    readings: int = 0
    last: int = 0
    restarts: Mapping[str, int] = {}
