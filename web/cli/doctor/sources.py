"""Checks the sources of readings: whether their queues exist and have consumers."""

from collections.abc import Iterator
from typing import Final

import pika.exceptions

from pipeline.broker.connection import connect
from pipeline.broker.source_queues import SourceQueues
from pipeline.errors import TopologyError
from pipeline.settings import Settings
from pipeline.store.client import Client, RedisError
from pipeline.store.topic_sources import KeptSource, TopicSources
from pipeline.wire import readings_queue
from web.cli.doctor.finding import Finding

_AREA: Final = "sources"
_PATIENCE: Final = 5


def check_sources(client: Client, settings: Settings) -> Iterator[Finding]:
    """Check all sources. Without Redis or RabbitMQ, other findings say so."""
    try:
        sources = list(TopicSources(client).list().sources.values())
        if not sources:
            return
        with connect(settings.amqp_url, heartbeat=_PATIENCE, patience=_PATIENCE) as connection:
            queues = SourceQueues(connection.channel(), settings)
            findings = [found for each in sources if (found := _finding(queues, each))]
    except (RedisError, TopologyError, pika.exceptions.AMQPError, OSError, ValueError):
        return
    yield from findings
    if not findings:
        yield Finding(_AREA, "ok", f"{len(sources)} have their queues, and workers consume them.")


def _finding(queues: SourceQueues, kept: KeptSource) -> Finding | None:
    what = f"The queue {readings_queue(kept.partition)} of the source {kept.name}"
    if kept.is_deleted:
        waiting = queues.waiting(kept.partition).readings
        return Finding(_AREA, "note", f"The source {kept.name} is being deleted; {waiting} readings wait.")
    if not queues.exist(kept.partition):
        return Finding(_AREA, "wrong", f"{what} is missing.", "Restart a worker. It declares missing queues.")
    if not queues.waiting(kept.partition).consumers:
        return Finding(_AREA, "wrong", f"{what} has no consumer.", "Start a worker: dramatiq pipeline.actors")
    return None
