"""The services that the handlers use. Each API process creates them once and closes them at its end."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from pipeline.broker import topology
from pipeline.broker.connection import parameters_of
from pipeline.broker.publisher import Publisher
from pipeline.dead_letters.collector import DeadLetterCollector, UnknownTopicCollector
from pipeline.dead_letters.redrive import Redriver
from pipeline.errors import BrokerUnavailable
from pipeline.notify.courier import Courier
from pipeline.notify.notifier import Notifier
from pipeline.notify.routes import RouteManager
from pipeline.plant.alarm_relay import AlarmPublisher, Relay
from pipeline.plant.alarms import AlarmDesk
from pipeline.plant.ingest import Ingest, SettingsReader
from pipeline.plant.lag import (
    PartitionState,
    QueueState,
    partition_numbers,
    partition_states,
    queue_names,
    queue_states,
)
from pipeline.plant.machines import Machines
from pipeline.plant.outages import OutageList
from pipeline.plant.own_alarms import PlantWatch
from pipeline.plant.readiness import ReadinessCheck
from pipeline.plant.topic_sources import SourceFinisher, SourceManager
from pipeline.plant.uploads import Uploads
from pipeline.settings import Settings
from pipeline.store.audit import AuditTrail
from pipeline.store.client import connect
from pipeline.store.configs import ConfigStore
from pipeline.store.deployments import MachineDeployments, ProfileDeployments
from pipeline.store.machine_index import MachineIndex
from pipeline.store.notification_routes import NotificationRoutes
from pipeline.store.notifications import NotificationStore
from pipeline.store.profiles import ProfileStore
from pipeline.store.pubsub import Events
from pipeline.store.records import Records
from pipeline.store.timers import TimerIndex
from pipeline.store.tokens import Tokens
from pipeline.store.topic_sources import TopicSources
from pipeline.store.versions import LogicStore
from pipeline.store.workers import WorkerList, list_workers
from pipeline.telemetry.registry import SandboxRestarts, SourcesInvalid
from pipeline.trials.runner import Trials
from pipeline.trials.shared_sandbox import SharedSandbox
from web.access.admission import Admission
from web.live.hub import Hub
from web.metrics import Metrics, NotificationMetrics, SystemGauges

_Count = TypeVar("_Count")

#: Maximum requests at a time that ask RabbitMQ how much waits in its queues, and seconds for the answer.
_COUNTS: Final = 8
_COUNT_SECONDS: Final = 20.0


class Services:
    """The services of one API process. Its methods may block; handlers call them on threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        parameters_of(settings.amqp_url)  # to report an invalid address at once
        self._redis = connect(settings)
        self._records = Records(self._redis, settings.recent, settings.alarm_journal_max)
        self.deployments = MachineDeployments(self._redis)
        self.logics = LogicStore(self._redis, settings.signing_key, self.deployments)
        self.configs = ConfigStore(self._redis, self.deployments)
        self.profile_deployments = ProfileDeployments(self._redis)
        self.profile_configs = ConfigStore(self._redis, self.profile_deployments)
        self.profile_logics = LogicStore(self._redis, settings.signing_key, self.profile_deployments)
        self.profiles = ProfileStore(self._redis, self.deployments, self._records)
        self._publisher = Publisher(lambda: topology.ensure(settings), amqp_url=settings.amqp_url)
        self._readiness = ReadinessCheck(self._redis, self._publisher)
        self.letters = self._records.letters
        self.recents = self._records.recents
        self.events = Events(self._redis)
        self.hub = Hub(settings, self.recents)
        self._timers = TimerIndex(self._redis)
        self.topic_sources = TopicSources(self._redis)
        index = MachineIndex(self._redis, self._records)
        self.sources = SourceManager(settings, self.topic_sources, index)
        self._finisher = SourceFinisher(self.sources)
        self.redriver = Redriver(self.letters, self._publisher, self._records, self.topic_sources)
        self.machines = Machines(
            self._redis,
            self._records,
            self.profiles,
            self.deployments,
            self.redriver,
            self.topic_sources,
            settings.silent_after,
        )
        self.ingest = Ingest(
            self._publisher, settings.limits, SettingsReader(self.deployments, self.profile_deployments)
        )
        self.collector = DeadLetterCollector(settings, self.letters, self.topic_sources)
        self.unknown_topics = UnknownTopicCollector(settings, self.letters, self.topic_sources)
        self.notifications = NotificationStore(self._redis)
        self.notification_routes = NotificationRoutes(self._redis)
        courier = Courier()
        self.route_manager = RouteManager(settings, self.notification_routes, courier)
        self.notifier = Notifier(settings, self.notifications, self.notification_routes, courier)
        self.metrics = Metrics(settings, self.letters, self.collector)
        self.alarms = AlarmDesk(self._records)
        self.alarm_store = self._records.alarms
        self._relays = [
            Relay("published", self.alarm_store, AlarmPublisher(self._publisher)),
            Relay("told", self.alarm_store, self.notifier),
        ]
        self._watch = PlantWatch(settings, self, self.alarm_store, self.alarms, self.notifier.send_now)
        self.metrics.registry.register(NotificationMetrics(self.notifier, self.notifications))
        self.tokens = Tokens(self._redis)
        self.trail = AuditTrail(self._redis, settings)
        self.metrics.event_readers.set_function(lambda: self.hub.readers)
        self._counting = ThreadPoolExecutor(_COUNTS, "counts")
        self._checks, self._trials = SharedSandbox(settings), SharedSandbox(settings)
        trials = Trials(self._trials)
        uploads = Uploads(self._checks, trials, settings.limits)
        self.uploads = Admission("uploads", uploads, settings.api_sandbox_places, self.metrics.sandbox)
        self.trials = Admission("trials", trials, settings.api_sandbox_places, self.metrics.sandbox)
        self.metrics.registry.register(
            SandboxRestarts(
                lambda: Counter(self._checks.sandbox.losses) + Counter(self._trials.sandbox.losses)
            )
        )
        self.metrics.registry.register(
            SourcesInvalid(lambda: self.logics.invalid + self.profile_logics.invalid)
        )
        self.metrics.registry.register(SystemGauges(self.partition_numbers, self.workers, self.all_queues))

    def start(self) -> None:
        """Start the threads that work beside the requests."""
        self.collector.start()
        self.unknown_topics.start()
        self._finisher.start()
        for relay in self._relays:
            relay.start()
        self._watch.start()
        self.notifier.start()

    def close(self) -> None:
        """Stop the threads, close the connections, and end the children that check and try logic."""
        self.collector.close()
        self.unknown_topics.close()
        self._finisher.close()
        self._watch.close()
        for relay in self._relays:
            relay.close()
        self.notifier.close()
        self._publisher.close()
        for each in (self.uploads, self.trials, self._checks, self._trials):
            each.close()
        self._counting.shutdown(cancel_futures=True)
        self._redis.close()

    def reschedule(self, machine_ids: Iterable[str]) -> None:
        """Let the workers look at machines whose schedules may have changed, also if no reading comes."""
        self._timers.reschedule(self._records, self.topic_sources, machine_ids)

    def reschedule_profile(self, name: str) -> None:
        """Let the workers look at the machines of a profile whose schedules have changed."""
        for machine_ids in self.profiles.machines(name):
            self.reschedule(machine_ids)

    def missing(self) -> dict[str, str]:
        """Return each service that the API needs but lacks, with a sentence about it; empty if ready."""
        return self._readiness.missing()

    def outages(self) -> OutageList:
        """Return which parts of the plant are down, as last seen. Waits for nothing."""
        return self._watch.outages.list()

    async def counted(self, count: Callable[[], _Count]) -> _Count:
        """Call `count`, which asks RabbitMQ, on a thread for such questions, and return its result.

        If RabbitMQ does not answer, such requests wait, and no others. Raises `BrokerUnavailable`, and the
        errors of `count`.
        """
        try:
            async with asyncio.timeout(_COUNT_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._counting, count)
        except TimeoutError:
            raise BrokerUnavailable(f"RabbitMQ did not answer within {_COUNT_SECONDS:g} seconds") from None

    def workers(self) -> WorkerList:
        """Return the running workers, and the vanished ones. Raises `RedisError`."""
        return list_workers(self._redis)

    def partitions(self, partitions: Sequence[int]) -> list[PartitionState]:
        """Return these partitions, in order. Raises `RedisError`, and `BrokerUnavailable`."""
        workers, sources = self.workers().present, self.topic_sources.list()
        return partition_states(self.settings, workers, partitions, sources)

    def partition_numbers(self) -> list[int]:
        """Return the numbers of all partitions, in order. Raises `RedisError`."""
        return partition_numbers(self.settings, self.topic_sources.list())

    def dead_letters(self) -> int:
        """Return how many dead letters are kept. Raises `RedisError`."""
        return self.letters.count()

    def queue_names(self) -> list[str]:
        """Return the names of all queues, in order. Raises `RedisError`."""
        return queue_names(self.settings, self.topic_sources.list())

    def queues(self, names: Sequence[str]) -> list[QueueState]:
        """Return these queues, in order. Raises `RedisError`, and `BrokerUnavailable`."""
        return queue_states(self.settings, self.workers().present, names, self.topic_sources.list())

    def all_queues(self) -> list[QueueState]:
        """Return all queues, in order. Raises `RedisError`, and `BrokerUnavailable`."""
        return self.queues(self.queue_names())
