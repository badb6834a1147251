"""A machine floods its partition until the overflow is full, and a worker or RabbitMQ is killed meanwhile.

There is one partition, and both of its queues are as small as possible. The logic is slow and the readings
are large, so the overflow fills within seconds, and RabbitMQ refuses moved readings again and again. Each
round waits for some refusals before it kills.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Final

from pipeline import wire
from pipeline.broker import topology
from pipeline.local.servers import local_redis
from pipeline.settings import Settings
from tests.chaos.broker import Broker
from tests.chaos.census import LOGIC
from tests.chaos.rounds import Findings, Round, plan, run
from tests.chaos.site import Site
from tests.support.logics import slow
from tests.support.waiting import wait_until


class Kind(StrEnum):
    """What is killed."""

    WORKER = "worker killed"
    RABBITMQ = "RabbitMQ killed"
    SLOW_LOG = "RabbitMQ killed, slow log"


#: The log line about a refusal.
REFUSED: Final = "because a queue is full"

#: Bytes that a queue holds, the least that the settings allow, and bytes of padding in a reading.
_ROOM: Final = 1_000_000
_PADDING: Final = 4_000

#: The share of the readings that the flooding machine sends.
_FLOOD: Final = 0.85

#: Steps of the logic for each reading: some milliseconds.
_STEPS: Final = 20_000

#: Refusals in a round before the kill, and seconds from then until RabbitMQ is killed.
_REFUSALS: Final = 3
_RUN_UP: Final = (0.0, 3.0)

#: Seconds until the worker is killed: readings from the overflow are run by then, and the refused ones are
#: not published again yet (`pipeline.broker.publisher`).
_AIM: Final = (0.15, 0.4)

#: Milliseconds of a write to the slow log.
_SLOW: Final = (30, 300)

#: Seconds within which a round must be processed.
_PATIENCE: Final = 150.0

#: Seconds that RabbitMQ 3.10 needs before a new quorum queue survives a SIGKILL.
_QUEUES_KEPT_SECONDS: Final = 1.0


def floods(
    rounds: int,
    seed: int,
    say: Callable[[str], None],
    *,
    kinds: tuple[Kind, ...] = tuple(Kind),
    module: str = "pipeline.actors",
    logs: Path | None = None,
) -> tuple[Findings, int]:
    """Run rounds drawn from `seed`. Return the findings, and how often the overflow was full."""
    findings = Findings(seed)
    with ExitStack() as stack:
        redis = local_redis()
        stack.callback(redis.close)
        rabbitmq = Broker()
        stack.callback(rabbitmq.close)
        rabbitmq.start()
        settings = Settings(amqp_url=rabbitmq.amqp_url, partitions=1, partition_max_bytes=_ROOM)
        topology.ensure(settings)
        declared = time.monotonic()
        site = Site(
            stack,
            rabbitmq.amqp_url,
            redis.url,
            seed=seed,
            module=module,
            environ={"IOT_LOGIC_PARTITIONS": "1", "IOT_LOGIC_PARTITION_MAX_BYTES": str(_ROOM)},
            logic=slow(LOGIC, _STEPS),
            flood=_FLOOD,
            padding=_PADDING,
            queues=[wire.readings_queue(0), wire.overflow_queue(0)],
            patience=_PATIENCE,
        )
        wait_until(lambda: time.monotonic() - declared > _QUEUES_KEPT_SECONDS)
        run(site, plan(kinds, seed, rounds), lambda each: _kill(site, rabbitmq, each), findings, say)
        if findings.broken and logs:
            site.keep_logs(logs)
        refusals = site.count_lines(REFUSED)
    return findings, refusals


def _kill(site: Site, rabbitmq: Broker, each: Round) -> None:
    random, before = Random(each.seed), site.count_lines(REFUSED)
    wait_until(lambda: site.count_lines(REFUSED) >= before + _REFUSALS, timeout=_PATIENCE)
    if each.kind == Kind.SLOW_LOG:
        rabbitmq.slow_log(random.randint(*_SLOW))
    time.sleep(random.uniform(*(_AIM if each.kind == Kind.WORKER else _RUN_UP)))
    if each.kind == Kind.WORKER:
        site.workers[0].kill()
        site.workers[0] = site.start_worker(0)
    else:
        rabbitmq.kill()
        rabbitmq.start()
