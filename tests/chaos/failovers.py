"""Failovers of Redis: a primary with two replicas and three Sentinels, whose primary fails under full load.

Does every reading still count exactly once, and does no result get a number that another one has? Redis
replicates after it has answered, so this holds only if workers and API wait for copies
(`pipeline.store.client`). The worst case is a primary that is cut off from its replicas and Sentinels, but
not from the workers: it accepts writes that the next primary will never have.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Final

from tests.chaos.broker import Broker
from tests.chaos.numbers import Numbers
from tests.chaos.rounds import Findings, Round, plan, run
from tests.chaos.site import Site
from tests.support.replicated_redis import ReplicatedRedis
from tests.support.waiting import wait_until


class Kind(StrEnum):
    """What happens to Redis."""

    KILLED = "primary killed"
    CUT_OFF = "primary cut off with the workers"
    FROZEN = "primary frozen"
    REPLICAS = "both replicas frozen"
    ROLLING = "all restarted in turn"


#: Seconds of full load before something happens.
_RUN_UP: Final = (0.5, 2.5)

#: Seconds for which the replicas are frozen: longer than the workers wait for a copy.
_FROZEN: Final = (3.0, 6.0)

#: Seconds within which the Sentinels must have replaced a primary, and all servers be in step again.
_TAKEOVER: Final = 60.0

#: Seconds within which a round must be processed.
_PATIENCE: Final = 120.0


def failovers(
    rounds: int,
    seed: int,
    say: Callable[[str], None],
    *,
    kinds: tuple[Kind, ...] = tuple(Kind),
    module: str = "pipeline.actors",
    environ: dict[str, str] | None = None,
    logs: Path | None = None,
) -> tuple[Findings, int]:
    """Run rounds drawn from `seed`. Return the findings, and how many numbers were used twice."""
    findings = Findings(seed)
    with ExitStack() as stack:
        redis = stack.enter_context(ReplicatedRedis())
        rabbitmq = stack.enter_context(Broker())
        site = Site(
            stack,
            rabbitmq.amqp_url,
            redis.url,
            seed=seed,
            module=module,
            workers=({}, {}),
            environ=environ,
            patience=_PATIENCE,
        )
        numbers = stack.enter_context(Numbers(rabbitmq.amqp_url))
        run(site, plan(kinds, seed, rounds), lambda each: _fail(redis, each), findings, say)
        if findings.broken and logs:
            site.keep_logs(logs)
        twice = numbers.used_twice
    return findings, twice


def _fail(redis: ReplicatedRedis, each: Round) -> None:
    random, primary = Random(each.seed), redis.primary
    time.sleep(random.uniform(*_RUN_UP))
    match each.kind:
        case Kind.KILLED:
            primary.kill()
            wait_until(lambda: redis.has_other_primary(primary), timeout=_TAKEOVER)
            primary.start()
        case Kind.CUT_OFF:
            primary.cut_off()
            wait_until(lambda: redis.has_other_primary(primary), timeout=_TAKEOVER)
            primary.reunite()
        case Kind.FROZEN:
            with primary.frozen():
                wait_until(lambda: redis.has_other_primary(primary), timeout=_TAKEOVER)
        case Kind.REPLICAS:
            with ExitStack() as stack:
                for replica in redis.replicas:
                    stack.enter_context(replica.frozen())
                time.sleep(random.uniform(*_FROZEN))
        case Kind.ROLLING:
            for server in redis.servers:
                is_primary = server is redis.primary
                server.stop()
                if is_primary:
                    wait_until(lambda server=server: redis.has_other_primary(server), timeout=_TAKEOVER)  # type: ignore[misc]
                server.start()
                wait_until(redis.in_step, timeout=_TAKEOVER)
    wait_until(redis.in_step, timeout=_TAKEOVER)
