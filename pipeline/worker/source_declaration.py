"""Declares the queues and bindings of all sources, as on a new or emptied RabbitMQ."""

from pipeline.broker.source_queues import opened
from pipeline.model.topic_source import pattern_of
from pipeline.settings import Settings
from pipeline.store.client import RedisError
from pipeline.store.topic_sources import TopicSources


def declare(settings: Settings, store: TopicSources) -> None:
    """Declare and bind the queues of the sources that workers consume. Raises `BrokerUnavailable`.

    A source may be changed or deleted meanwhile. So afterwards, the bindings and queues are removed that its
    entry does not have any more. If Redis is unavailable, nothing is declared.
    """
    try:
        before = store.list()
        if not before.consumed:
            return
        with opened(settings) as queues:
            for kept in before.consumed.values():
                queues.declare(kept.partition)
                if kept.state == "active":
                    queues.bind(kept.partition, pattern_of(kept.source))
            now = store.newer(before).partitions
            for partition, kept in before.consumed.items():
                if partition not in now:
                    queues.delete(partition)
                elif now[partition].is_deleted or pattern_of(kept.source) not in now[partition].bound:
                    queues.unbind(partition, [pattern_of(kept.source)])
    except RedisError:
        return  # without Redis, this worker takes no fence, so it consumes nothing
