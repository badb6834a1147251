"""What the handlers work on: the machines with their records and logic, and the way in for readings."""

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from threading import Lock
from typing import Final

import msgspec
import pika
from msgspec.structs import replace

from pipeline import clock, wire
from pipeline.broker import topology
from pipeline.broker.publisher import PERSISTENT, Message, Publisher
from pipeline.dead_letters.collector import Keeper
from pipeline.dead_letters.redrive import Redriver
from pipeline.errors import Busy, LogicRefused, RedriveStopped
from pipeline.model.deployment import Active
from pipeline.model.machine import Stored
from pipeline.model.quarantine import Strikes
from pipeline.plant.ingest import UNCONFIRMED
from pipeline.plant.lag import PartitionState, QueueState, partition_states, queue_names, queue_states
from pipeline.plant.machines import Fleet, _without
from pipeline.settings import Settings
from pipeline.store.audit import Trail
from pipeline.store.client import RedisError, connect
from pipeline.store.deployments import MachineSetups, ProfileSetups
from pipeline.store.profiles import Profiles
from pipeline.store.pubsub import Events
from pipeline.store.records import Records, Update
from pipeline.store.tokens import Tokens
from pipeline.store.versions import Check, Logics, any_logic
from pipeline.store.workers import Roll, call_roll
from pipeline.telemetry import tracing
from pipeline.telemetry.registry import SandboxRestarts
from pipeline.trials.examples import Example, ExamplesFailed, Mismatch, cases, encoded, mismatches
from pipeline.trials.runner import Trials
from sandbox.parent.sandbox import Sandbox
from web.live.hub import Feeds
from web.metrics import Metrics, WorksGauges

#: After how many seconds to come again where they do.
_AGAIN_SECONDS: Final = 5


class Plant:
    """One for each API process. Its methods may block; the handlers call them on threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._redis = connect(settings)
        self._records = Records(self._redis)
        self.setups = MachineSetups(self._redis)
        self.logics = Logics(self._redis, settings.signing_key, self.setups)
        self.profile_logics = Logics(self._redis, settings.signing_key, ProfileSetups(self._redis))
        self.profiles = Profiles(self._redis, self.setups, self._records)
        self._publisher = Publisher(settings.amqp_url, lambda: topology.ensure(settings))
        self.letters = self._records.letters
        self.recents = self._records.recents
        self.fleet = Fleet(self._redis, self._records, self.profiles, settings.silent_after)
        self.events = Events(self._redis)
        self.feeds = Feeds(settings, self.recents)
        self.redriver = Redriver(self.letters, self._publisher)
        self.keeper = Keeper(settings, self.letters)
        self.metrics = Metrics(settings, self.letters, self.keeper)
        self.tokens = Tokens(self._redis)
        self.trail = Trail(self._redis, settings)
        self.metrics.event_readers.set_function(lambda: self.feeds.readers)
        self._sandbox = Sandbox(settings.limits, allow_unconfined=settings.allow_unconfined_sandbox)
        self._checking = Lock()
        self._sending = Lock()
        self._unconfirmed = 0
        self.trials = Trials(settings)
        self.metrics.registry.register(
            SandboxRestarts(lambda: Counter(self._sandbox.losses) + Counter(self.trials.losses))
        )
        self.metrics.registry.register(
            WorksGauges(settings.partitions, self.workers, lambda: self.queues(queue_names(settings)))
        )

    def close(self) -> None:
        """End the keeper, the connections and the children that check and try logic."""
        self.keeper.close()
        self._publisher.close()
        self._sandbox.close()
        self.trials.close()
        self._redis.close()

    def missing(self) -> dict[str, str]:
        """What the API lacks to do its work, each with a sentence that says so; empty when it is ready."""
        missing = dict[str, str]()
        try:
            self._redis.ping()
        except RedisError as e:
            missing["redis"] = f"Redis does not answer: {e}"
        if not self._publisher.connected:
            missing["rabbitmq"] = f"RabbitMQ cannot be published to: {self._publisher.lost_because}"
        return missing

    def upload(
        self,
        logics: Logics,
        name: str,
        source: str,
        *,
        examples: Sequence[Example] | None = None,
        author: str = "",
        comment: str | None = None,
        check: Check = any_logic,
    ) -> Active:
        """Check a source, run its examples, and put it in force for the one of this name in `logics`.

        Raises `LogicRefused` with every problem found, `ExamplesFailed` with all that is not as they say,
        `ExamplesUnfit`, and what `check` raises; what was in force stays so.
        """
        with self._checking:
            checked = self._sandbox.check(source)
        if checked.code is None:
            raise LogicRefused(checked.problems)
        kept = None if examples is None else encoded(examples)
        if wrong := self.try_examples(source, examples or ()):
            raise ExamplesFailed(wrong)
        return logics.upload(
            name, source, checked.code, examples=kept, author=author, comment=comment, check=check
        )

    def try_examples(self, source: str, examples: Sequence[Example]) -> list[Mismatch]:
        """Where an accepted source does not do what its examples say. Raises `Busy`."""
        if not examples:
            return []
        ready, wrong = cases(examples, self.settings.limits)
        return wrong or mismatches(examples, self.trials.run(source, ready))

    def machine(self, machine_id: str) -> Stored:
        """A machine as it stands."""
        return self._records.read([machine_id])[machine_id]

    def pause(self, machine_id: str) -> None:
        """Have a machine's readings become dead letters from now on."""
        self._records.pause(machine_id, paused=True)
        self.fleet.directory.enter([machine_id])

    def resume(self, machine_id: str, *, redrive: bool) -> tuple[int, int]:
        """Have a machine's readings processed again, with `redrive` also those that came meanwhile.

        Returns how many of those were sent again, and how many are on their way to the dead letters still.
        Raises as `Redriver`; the machine is resumed then, and doing it again is safe.
        """
        pause = self._records.pause(machine_id, paused=False).pause
        self.fleet.directory.enter([machine_id])
        if not redrive:
            return 0, 0
        try:
            sent, waiting = self.redriver.send_paused(machine_id, pause)
        except RedriveStopped as e:
            self.metrics.redriven.inc(e.sent)
            raise
        self.metrics.redriven.inc(sent)
        if pause is not None and not waiting:
            self.setups.change(machine_id, partial(_without, pause))
        return sent, waiting

    def release(self, machine_id: str) -> bool:
        """Lift a machine's quarantine, so that its logic is run again. False where it is in none.

        The record is compared and set: a batch that works on the machine meanwhile is not disturbed.
        """
        while True:
            stored = self.machine(machine_id)
            if not stored.quarantined:
                return False
            released = replace(stored.record, strikes=Strikes())
            if not self._records.write({machine_id: Update(stored, released)}):
                self.fleet.directory.enter([machine_id])
                return True

    def workers(self) -> Roll:
        """The workers that are there, and those that vanished. Raises `redis.RedisError`."""
        return call_roll(self._redis)

    def partitions(self, partitions: Sequence[int]) -> list[PartitionState]:
        """These partitions, in order. Raises `redis.RedisError`, and `BrokerUnavailable`."""
        return partition_states(self.settings, self.workers().present, partitions)

    def queues(self, names: Sequence[str]) -> list[QueueState]:
        """These queues, in order. Raises `redis.RedisError`, and `BrokerUnavailable`."""
        return queue_states(self.settings, self.workers().present, names)

    def edit_state(self, machine_id: str, state: bytes, check: Callable[[Stored], None]) -> bytes:
        """Put `state`, a JSON object within the limits, in the place of a machine's state.

        Nothing else of the record changes. It is compared and set: a batch that runs meanwhile goes on from
        the new state, and one that was faster is not undone unseen, for `check` is asked about the machine
        each time as it was read. What `check` raises is raised, and nothing is changed then. Returns the
        state that was replaced.
        """
        while True:
            stored = self.machine(machine_id)
            check(stored)
            edited = stored.record.edited(state)
            if not self._records.write({machine_id: Update(stored, edited)}):
                return stored.record.state

    def send(self, machine_id: str, body: bytes) -> "tuple[str, Future[None]]":
        """Publish a reading as a device would. Returns its message id, and when the broker has confirmed it.

        Raises `msgspec.DecodeError` where `body` is not JSON, and `Busy` where too much waits to be
        confirmed: a broker that is short of memory or disk takes nothing in, and says nothing.
        """
        msgspec.json.decode(body)
        with self._sending:
            if self._unconfirmed + len(body) > UNCONFIRMED:
                raise Busy("RabbitMQ has not confirmed the readings before this one", _AGAIN_SECONDS)
            self._unconfirmed += len(body)
        message_id = str(uuid.uuid4())
        properties = pika.BasicProperties(
            content_type="application/json",
            delivery_mode=PERSISTENT,
            message_id=message_id,
            headers={wire.SENT_AT_HEADER: clock.milliseconds_now(), **tracing.headers()},
        )
        message = Message(wire.INGEST_EXCHANGE, wire.data_key(machine_id), body, properties, mandatory=True)
        confirmed = self._publisher.publish([message])
        confirmed.add_done_callback(lambda _: self._settle(len(body)))
        return message_id, confirmed

    def _settle(self, count: int) -> None:
        with self._sending:
            self._unconfirmed -= count
