"""SIGKILLs of one RabbitMQ under full load: does every reading still count exactly once?

A worker acknowledges a reading, and later relies on the fact that the reading cannot be delivered again. A
kill between the acknowledgement and its sync to the log of the queue undoes the acknowledgement, and the
reading is delivered again. On a fast disk this window is milliseconds long. So there are three kinds of
rounds:

- *any moment*: nothing is slowed down. This is a normal crash.
- *slow log*: each write to the log takes longer, as on a busy disk; RabbitMQ is killed at any moment.
- *log held*: from some moment on, nothing reaches the log. The worker continues with the readings that it
  holds (up to 512 per partition) and acknowledges them, and all these acknowledgements are lost. It is
  stopped for a moment before, so that it holds many readings.

No queue receives the results, so RabbitMQ confirms them at once and does not wait for the log.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Final

from pipeline.broker import topology
from pipeline.local.servers import local_redis
from pipeline.settings import Settings
from tests.chaos.broker import Broker
from tests.chaos.rounds import Findings, Round, plan, run
from tests.chaos.site import PATIENCE, Site
from tests.support.waiting import wait_until


class Kind(StrEnum):
    """When RabbitMQ is killed, and the condition of its log."""

    ANY_MOMENT = "any moment"
    SLOW_LOG = "slow log"
    LOG_HELD = "log held"


#: The number of readings that must be confirmed in a round before anything happens.
_FLOW: Final = 500

#: Seconds from then until something happens, and from holding the log to the kill.
_RUN_UP: Final = (0.3, 1.5)
_HELD: Final = (0.9, 1.6)

#: Seconds for which the worker is stopped before the log is held.
_BACKLOG: Final = (0.1, 0.4)

#: The duration of a write to the slow log in milliseconds.
_SLOW: Final = (30, 700)

#: Seconds until RabbitMQ 3.10 keeps a new quorum queue after a SIGKILL.
_QUEUES_KEPT_SECONDS: Final = 1.0


def kills(
    rounds: int,
    seed: int,
    say: Callable[[str], None],
    *,
    kinds: tuple[Kind, ...] = tuple(Kind),
    module: str = "pipeline.actors",
    broker: Callable[[], Broker] = Broker,
    logs: Path | None = None,
) -> Findings:
    """Run this many rounds, drawn from `seed`. The worker runs `module`.

    If there are breaches, the output of the commands is written to `logs`.
    """
    findings = Findings(seed)
    with ExitStack() as stack:
        redis = local_redis()
        stack.callback(redis.close)
        rabbitmq = broker()
        stack.callback(rabbitmq.close)
        rabbitmq.start()
        topology.ensure(Settings(amqp_url=rabbitmq.amqp_url))
        declared = time.monotonic()
        site = Site(stack, rabbitmq.amqp_url, redis.url, seed=seed, module=module)
        wait_until(lambda: time.monotonic() - declared > _QUEUES_KEPT_SECONDS)
        run(site, plan(kinds, seed, rounds), lambda each: _kill(site, rabbitmq, each), findings, say)
        if findings.broken and logs:
            site.keep_logs(logs)
    return findings


def _kill(site: Site, rabbitmq: Broker, each: Round) -> None:
    random = Random(each.seed)
    begun = site.fleet.confirmed
    wait_until(lambda: site.fleet.confirmed > begun + _FLOW, timeout=PATIENCE)
    time.sleep(random.uniform(*_RUN_UP))
    match each.kind:
        case Kind.SLOW_LOG:
            rabbitmq.slow_log(random.randint(*_SLOW))
            time.sleep(random.uniform(*_RUN_UP))
        case Kind.LOG_HELD:
            with site.workers_stopped():
                time.sleep(random.uniform(*_BACKLOG))
                rabbitmq.hold_log()
            time.sleep(random.uniform(*_HELD))
    rabbitmq.kill()
    rabbitmq.start()
