"""A partition without its queue: hands batches to a processor as consumers of one partition would."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event

import redis
from msgspec.structs import replace

from pipeline import wire
from pipeline.broker import topology
from pipeline.broker.publisher import Publisher
from pipeline.model.reading import Reading
from pipeline.model.session import Fence, Settled
from pipeline.model.topic_source import SourceInUse
from pipeline.settings import Settings
from pipeline.store.client import connect
from pipeline.store.deployments import MachineDeployments
from pipeline.store.machine_index import MachineIndex
from pipeline.store.profiles import ProfileStore
from pipeline.store.records import Records, Update
from pipeline.store.sessions import Sessions
from pipeline.store.sources import Sources
from pipeline.store.timers import Rest, TimerIndex
from pipeline.store.topic_sources import TopicSources
from pipeline.store.versions import LogicStore
from pipeline.worker.announcer import Announcer
from pipeline.worker.batch import Batch, Share
from pipeline.worker.index_writer import IndexWriter
from pipeline.worker.metrics import WorkerMetrics
from pipeline.worker.processor import Processor
from pipeline.worker.ways import QUIET_SECONDS, Ways
from sandbox.parent.sandbox import Sandbox

_NOTHING = Settled()


@dataclass
class StubSession:
    """A session whose values the test sets."""

    fence: Fence
    queue: str = wire.readings_queue(0)
    overflow: str = wire.overflow_queue(0)
    settled: Settled = _NOTHING
    moving: bool = False
    source: SourceInUse | None = None
    refused: dict[int, tuple[str, bytes]] = field(default_factory=dict)

    def lost(self) -> bool:
        return False

    def settle(self) -> None:
        """Do nothing: there is no queue."""

    def settle_moved(self) -> None:
        """Do nothing: there is no queue."""

    def end(self) -> None:
        """Do nothing: there is no queue."""


class BatchDriver:
    """One processor on real servers, with batches that the test creates. Closes the given sandbox."""

    def __init__(
        self,
        amqp_url: str,
        redis_url: str,
        sandbox: Sandbox,
        processor: type[Processor] = Processor,
        records: type[Records] = Records,
        announcer: Announcer | None = None,
        quiet_seconds: float = QUIET_SECONDS,
    ) -> None:
        settings = Settings(amqp_url=amqp_url, redis_url=redis_url)
        topology.ensure(settings)
        self._redis = connect(settings)
        self.records = records(self._redis)
        self.sessions = Sessions(self._redis)
        self.timers = TimerIndex(self._redis)
        self.logics = LogicStore(self._redis, "")
        self.index = MachineIndex(self._redis, self.records)
        #: Writes nothing by itself: a test calls `flush`.
        self.index_writer = IndexWriter(self.index)
        self.sandbox = sandbox
        self.metrics = WorkerMetrics(lambda: sandbox.losses)
        self._publisher = Publisher(lambda: topology.ensure(settings), insist=True)
        self._processor = processor(
            self.records,
            self.sessions,
            Sources(self._redis, ""),
            Ways(
                self.sessions,
                TopicSources(self._redis),
                self.records.letters,
                ProfileStore(self._redis, MachineDeployments(self._redis), self.records),
                quiet_seconds,
            ),
            self._publisher,
            sandbox,
            Event(),
            self.index_writer,
            self.metrics,
            announcer,
        )
        self._tags = dict[bytes, int]()
        #: The sessions by name; a test sets how far they are settled.
        self.stubs = dict[bytes, StubSession]()
        #: The partitions of sessions that have another one than 0.
        self.partitions = dict[bytes, int]()

    def process(
        self,
        readings: Sequence[tuple[str, bytes] | Reading],
        *,
        session: bytes = b"session1",
        redelivered: int = 0,
        moving: bool = False,
        due: dict[str, int] | None = None,
        until: int = 0,
    ) -> list[Rest]:
        """Process one batch (each item a reading, or its machine and body).

        The first `redelivered` readings of it are redeliveries. `moving` says that readings of an earlier
        batch are on their way to the overflow. The session takes the fence before its first batch. `due` are
        machines that the index of timers has named, whose timers may run up to the time `until`. Return what
        the index must say of them when the batch is confirmed.
        """
        if session not in self._tags:
            assert self.sessions.take(self.fence(session), "worker", lambda _: True)
        made = [
            self._reading(session, reading, redelivered=place < redelivered)
            for place, reading in enumerate(readings)
        ]
        stub = self.stubs.setdefault(session, StubSession(self.fence(session)))
        stub.moving = moving
        batch = Batch([Share(stub, made, due=due or {}, until=until)])
        self._processor.process(batch)
        assert batch.published is not None
        batch.published.result(timeout=30)
        for share in batch.shares:
            if share.moved is not None:
                share.moved.result(timeout=30)
        return batch.shares[0].rests

    def _reading(self, session: bytes, reading: tuple[str, bytes] | Reading, *, redelivered: bool) -> Reading:
        tag = self._tags[session] = self._tags.get(session, 0) + 1
        if isinstance(reading, Reading):
            return replace(reading, tag=tag, delivery=tag, redelivered=redelivered)
        machine_id, body = reading
        return Reading(machine_id, wire.data_key(machine_id), body, tag, redelivered, None, None, tag)

    def fence(self, session: bytes) -> Fence:
        """The token that a session must hold to write."""
        return Fence(self.partitions.get(session, 0), session)

    def state(self, machine_id: str) -> bytes:
        """Return a machine's state, as it is stored."""
        return self.records.read([machine_id])[machine_id].record.state

    def close(self) -> None:
        """Close the connections and the sandbox."""
        self._publisher.close()
        self.sandbox.close()
        self._redis.close()


class LosesAnswers(Records):
    """Loses the answer of each first write: the write succeeds, but the caller gets an error."""

    answered = False

    def write(self, updates: Mapping[str, Update]) -> set[str]:
        changed = super().write(updates)
        self.answered = not self.answered
        if self.answered:
            raise redis.TimeoutError("the answer did not come")
        return changed


class EditedMeanwhile(Records):
    """Someone edits the state over the API, once, between a batch's read and its write."""

    edited = False

    def write(self, updates: Mapping[str, Update]) -> set[str]:
        if not self.edited:
            self.edited = True
            read = updates["m1"].read
            record = replace(read.record, state=b'{"count":100}')
            assert super().write({"m1": Update(read, record)}) == set()
        return super().write(updates)
