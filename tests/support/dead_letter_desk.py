"""Storing dead letters and sending them again, on real servers: a partition, a collector and a redriver."""

from collections.abc import Sequence
from typing import Any

import pika

from pipeline import wire
from pipeline.broker import topology
from pipeline.broker.overflow import restored
from pipeline.broker.publisher import Publisher
from pipeline.dead_letters.collector import DeadLetterCollector
from pipeline.dead_letters.redrive import Redriver
from pipeline.model.claim import claim_of
from pipeline.model.reading import Reading
from pipeline.settings import Settings
from pipeline.store.client import connect
from pipeline.store.dead_letters import LetterFilter, LetterStore
from pipeline.store.records import Records
from pipeline.store.topic_sources import TopicSources
from pipeline.worker.processor import Processor
from sandbox.parent.sandbox import Sandbox
from tests.support.batch_driver import BatchDriver
from tests.support.installation import Collector
from tests.support.waiting import wait_until


class DeadLetterDesk:
    """A partition, a collector and a redriver. `arrivals` takes readings as a consumer would."""

    def __init__(
        self,
        amqp_url: str,
        redis_url: str,
        processor: type[Processor] = Processor,
        records: type[Records] = Records,
    ) -> None:
        self.amqp_url = amqp_url
        settings = Settings(amqp_url=amqp_url, redis_url=redis_url)
        self.partition = BatchDriver(amqp_url, redis_url, Sandbox(), processor, records)
        self.redis = connect(settings)
        self.letters = LetterStore(self.redis)
        self.publisher = Publisher(lambda: topology.ensure(settings))
        self.redriver = Redriver(
            self.letters, self.publisher, self.partition.records, TopicSources(self.redis)
        )
        self.collector = DeadLetterCollector(settings, self.letters, TopicSources(self.redis))
        self.collector.start()
        self.results = Collector(amqp_url, wire.RESULTS_EXCHANGE)
        wait_until(lambda: self.publisher.connected)

    def fail(self, *readings: tuple[str, int], session: bytes = b"failing_") -> None:
        """Process readings (machine, n) that become dead letters, and wait until they are stored."""
        kept = self.letters.count()
        self.partition.process(
            [(machine_id, b'{"n": %d}' % n) for machine_id, n in readings], session=session
        )
        wait_until(lambda: self.letters.count() == kept + len(readings))

    def arrivals(self, count: int) -> list[Reading]:
        """Take `count` readings from their queues, those of one machine in order."""
        return self._arrive([wire.readings_queue(each) for each in range(Settings().partitions)], count)

    def overflow(self, count: int) -> list[Reading]:
        """Take `count` readings from the overflow of the partition."""
        return self._arrive([wire.overflow_queue(0)], count)

    def _arrive(self, queues: list[str], count: int) -> list[Reading]:
        readings = list[Reading]()

        def arrive(_channel: object, method: Any, properties: Any, body: bytes) -> None:
            reading = Reading(
                machine=wire.machine_of(method.routing_key),
                key=method.routing_key,
                body=body,
                tag=0,
                redelivered=False,
                message_id=properties.message_id,
                content_type=properties.content_type,
                claim=claim_of(properties.headers),
            )
            readings.append(restored(reading, properties.headers))

        with pika.BlockingConnection(pika.URLParameters(self.amqp_url)) as connection:
            channel = connection.channel()
            for queue in queues:
                channel.basic_consume(queue, arrive, auto_ack=True)

            def arrived() -> bool:
                connection.process_data_events(time_limit=0)
                return len(readings) >= count

            wait_until(arrived)
        assert len(readings) == count
        return readings

    def data(self, count: int) -> list[dict[str, Any]]:
        """Return the data of the results so far, once there are `count`."""
        wait_until(lambda: len(self.results.messages) >= count)
        return [event["data"] for event in self.results.events]

    def ids(self, where: LetterFilter | None = None, chunk: int = 500) -> list[str]:
        """Return the ids of the dead letters, as they are listed."""
        found = self.letters.find(where or LetterFilter(), chunk=chunk)
        return [kept.letter.id for each in found for kept in each]

    def process(self, readings: Sequence[Reading | tuple[str, bytes]], session: bytes = b"session1") -> None:
        """Process one batch of readings that are no redeliveries."""
        self.partition.process(readings, session=session)

    def close(self) -> None:
        """Close everything."""
        self.results.close()
        self.collector.close()
        self.publisher.close()
        self.partition.close()
        self.redis.close()
