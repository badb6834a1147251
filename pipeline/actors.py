"""The worker. `dramatiq pipeline.actors` starts it.

Each worker thread has its own sandbox. The threads of a process share Redis and the publisher's connection.
Dramatiq's own middleware is left out on purpose: its retries and delays would change the order of readings,
and its time limit would end a batch between two steps.
"""

import ctypes
import gc
import logging
import signal
from collections import Counter
from collections.abc import Mapping
from threading import local
from typing import Any, Final

import dramatiq
from dramatiq.middleware import Middleware

from pipeline import wire
from pipeline.broker import topology
from pipeline.broker.connection import parameters_of
from pipeline.broker.publisher import Publisher
from pipeline.errors import SettingsError
from pipeline.settings import Settings
from pipeline.store.client import RedisError, connect, missing_durability
from pipeline.store.deployments import MachineDeployments
from pipeline.store.machine_index import MachineIndex
from pipeline.store.profiles import ProfileStore
from pipeline.store.records import Records
from pipeline.store.sessions import Sessions
from pipeline.store.sources import Sources
from pipeline.store.timers import TimerIndex
from pipeline.store.topic_sources import TopicSources
from pipeline.telemetry import logs, tracing
from pipeline.telemetry.metrics_server import MetricsServer
from pipeline.worker.announcer import Announcer
from pipeline.worker.batch import Batch
from pipeline.worker.dramatiq_broker import ReadingsBroker
from pipeline.worker.index_writer import IndexWriter
from pipeline.worker.membership import Membership
from pipeline.worker.metrics import WorkerMetrics
from pipeline.worker.processor import Processor
from pipeline.worker.ways import Ways
from sandbox.errors import SandboxUnavailable
from sandbox.parent.sandbox import Sandbox

#: `prctl`'s option that makes the kernel send a signal when the parent has ended (prctl(2)).
_PR_SET_PDEATHSIG: Final = 1


_logger = logging.getLogger(__name__)


class WorkerResources(Middleware):
    """The resources of a worker process: created when it starts, closed when it stops."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._sandboxes = list[Sandbox]()
        self._thread = local()

    def after_process_boot(self, broker: dramatiq.Broker) -> None:
        """Ensure that this process ends with its parent, and that logic can be confined."""
        logs.configure(self.settings.log_level, self.settings.log_format)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        try:
            tracing.start("iot-logic-worker")
            self._sandbox().close()
        except (SettingsError, SandboxUnavailable) as e:
            _logger.critical("%s", e)
            raise SystemExit(1) from e

    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Create the resources that the threads share, and join the workers."""
        assert isinstance(broker, ReadingsBroker)
        client = connect(self.settings)
        try:
            if lacking := missing_durability(client):
                _logger.warning("Redis can lose states or logic after a crash: %s", lacking)
        except RedisError as e:
            _logger.warning("Redis is unavailable; the worker keeps trying: %s", e)
        self.records = Records(client, self.settings.recent, self.settings.alarm_journal_max)
        self.sources = Sources(client, self.settings.signing_key)
        self.publisher = Publisher(
            lambda: topology.ensure(self.settings), insist=True, amqp_url=self.settings.amqp_url
        )
        self.announcer = Announcer(client, self.settings.events_rate)
        self.announcer.start()
        broker.worker_threads = worker.worker_threads
        self.sessions = broker.sessions = Sessions(client)
        topic_sources = broker.topic_sources = TopicSources(client)
        broker.timers = TimerIndex(client)
        profiles = ProfileStore(client, MachineDeployments(client), self.records)
        self.ways = Ways(self.sessions, topic_sources, self.records.letters, profiles)
        self.index_writer = IndexWriter(MachineIndex(client, self.records))
        self.index_writer.start()
        self.metrics = broker.metrics = WorkerMetrics(self._restarts, lambda: self.sources.invalid)
        self.metrics_server = MetricsServer(
            self.metrics.registry, self.settings.metrics_host, self.settings.metrics_port
        )
        broker.membership = Membership(
            client,
            self.sessions,
            self.settings.partitions,
            self.metrics.activity,
            threads=worker.worker_threads,
            metrics=self.metrics_server.url,
        )
        self.metrics.watch(broker.membership)
        broker.membership.join()

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Freeze long-lived objects and raise the collector's threshold.

        A full collection takes 25 ms, during which readings wait. The objects of a batch, some thousands,
        form no cycles and are freed without the collector: a collection every 700 objects would cost 3 µs a
        reading.
        """
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000)

    def after_worker_thread_boot(self, broker: dramatiq.Broker, thread: Any) -> None:
        """Warm up this thread's sandbox, so that its first reading does not wait for it."""
        self.processor()

    def before_worker_thread_shutdown(self, broker: dramatiq.Broker, thread: Any) -> None:
        """End this thread's sandbox, if it was started."""
        if hasattr(self._thread, "sandbox"):
            self._thread.sandbox.close()

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Release the partitions to the other workers.

        Running batches finish. Batches that wait for Redis give up.
        """
        assert isinstance(broker, ReadingsBroker)
        broker.stopping.set()
        broker.membership.leave()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Close the shared resources. Everything is published, and the index is up to date."""
        self.publisher.close()
        self.index_writer.close()
        self.metrics_server.close()
        self.announcer.close()
        tracing.close()

    def processor(self) -> Processor:
        """Return the processor of the calling worker thread."""
        if not hasattr(self._thread, "processor"):
            sandbox = self._thread.sandbox = self._sandbox()
            self._sandboxes.append(sandbox)
            self._thread.processor = Processor(
                self.records,
                self.sessions,
                self.sources,
                self.ways,
                self.publisher,
                sandbox,
                broker.stopping,
                self.index_writer,
                self.metrics,
                self.announcer,
            )
        processor: Processor = self._thread.processor
        return processor

    def _restarts(self) -> Mapping[str, int]:
        """Return how many sandbox children this process has lost, by cause."""
        restarts = Counter[str]()
        for sandbox in list(self._sandboxes):
            restarts.update(sandbox.losses)
        return restarts

    def _sandbox(self) -> Sandbox:
        return Sandbox(self.settings.limits, allow_unconfined=self.settings.allow_unconfined_sandbox)


def _settings() -> Settings:
    try:
        settings = Settings.from_environ()
        parameters_of(settings.amqp_url)  # to report an invalid address at once
        return settings
    except SettingsError as e:
        raise SystemExit(f"The worker could not start: {e}") from e


resources = WorkerResources(_settings())
broker = ReadingsBroker(resources.settings, middleware=[resources])
dramatiq.set_broker(broker)


@dramatiq.actor(queue_name=wire.READINGS_EXCHANGE)
def process_batch(batch: Batch) -> None:
    """Process one batch, which `pipeline.worker.consumer` builds from the arriving readings."""
    with tracing.batch(batch.queues, batch.traceparents), logs.about(batch.about):
        resources.processor().process(batch)
        _logger.debug("the batch is written")
