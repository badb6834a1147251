"""Creates, changes and deletes sources: their entries in Redis together with their queues in RabbitMQ.

Every step can be repeated, so a change that was interrupted is completed when it is repeated, or by `finish`,
which each API process calls every few seconds:

- *Create*: the entry (`new`), the queues, the binding, then `active`. So no queue exists without an entry
  that names it.
- *Change the filter*: the entry gets the new pattern beside the old one, the queue gets the new binding, then
  the old binding is removed, and then the old pattern from the entry. No reading is lost meanwhile.
- *Delete*: `draining`, then the bindings are removed, so no new readings come in. When no reading waits, the
  entry is `closing`, and the workers leave the partition: they acknowledge their readings in flight, and
  RabbitMQ takes back the others. When the queues have no consumers and no readings, they are deleted, and
  then the entry. If readings came back, the source is `draining` again.

A change of the settings that say when a machine is silent also updates the index of the source's machines
(`pipeline.store.machine_index`), and so does the end of a deletion.

A queue without consumers has no readings that are delivered and not acknowledged: RabbitMQ takes these back
in the same step in which the consumer ends. So a deleted queue was empty.

The limit: RabbitMQ does not count a reading that has expired and that the queue of dead letters has not
confirmed yet (`pipeline.broker.expiry`). Usually that takes milliseconds, and at least `_POLL_SECONDS` pass.
But while the queue of dead letters is full, such a reading is deleted with the queue of its source.
"""

import logging
from collections.abc import Iterable
from threading import Event, Thread
from time import monotonic, sleep
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pipeline.broker.source_queues import SourceQueues, Waiting, opened
from pipeline.errors import BrokerUnavailable, SourceChanged, SourceConflict
from pipeline.model.topic_source import (
    SOURCES,
    TopicSource,
    check_overlaps,
    checked,
    pattern_of,
)
from pipeline.settings import Settings
from pipeline.store.client import RedisError
from pipeline.store.machine_index import MachineIndex
from pipeline.store.topic_sources import KeptSource, TopicSources

#: Seconds for which a request to delete a source waits for its last readings.
PATIENCE_SECONDS: Final = 10.0

#: Seconds between two looks at the queues of a source that is being deleted.
_POLL_SECONDS: Final = 0.25

#: Seconds between two attempts of an API process to complete interrupted changes.
_FINISH_SECONDS: Final = 5.0

_logger = logging.getLogger(__name__)


class Removal(Struct, frozen=True):
    """A deleted source, and what it still waits for."""

    source: KeptSource
    waiting: Waiting = Waiting()
    done: bool = False


class SourceManager:
    """Manages sources. Its methods block. They raise `RedisError` and `BrokerUnavailable`."""

    def __init__(self, settings: Settings, store: TopicSources, index: MachineIndex) -> None:
        self._settings = settings
        self._store = store
        self._index = index

    def put(self, name: str, source: TopicSource, revision: int | None = None) -> tuple[KeptSource, bool]:
        """Create or change a source. Return it, and whether it is new.

        `revision` is the revision that the caller has read, 0 if there must be no such source, None if any.
        Raises `SourceRefused` if the source is invalid, and `SourceChanged` if its revision is another one.
        """
        source = checked(source)
        pattern = pattern_of(source)
        while True:
            known = self._store.list()
            before = known.sources.get(name)
            _check_revision(before, revision)
            if before is not None and before.is_deleted:
                raise SourceConflict(
                    f"The source {name!r} is being deleted. Wait until its last readings are processed."
                )
            others = {each.name: each.bound for each in known.sources.values()}
            check_overlaps(name, source, others)
            if before is not None and (before.source == source or not _is_settled(before)):
                # Complete an earlier change first, so that no two changes of the bindings run at a time.
                settled = self._settled(before)
                if settled.source == source:
                    self._reenter(settled, source)
                    return settled, False
                continue
            if before is None and len(known.sources) >= SOURCES:
                raise SourceConflict(f"There are {SOURCES} sources already, which is the maximum.")
            if before is None:
                kept = KeptSource(name, self._new_partition(), "new", known.changes + 1, source, (pattern,))
            else:
                bound = tuple(dict.fromkeys((*before.bound, pattern)))
                kept = replace(before, revision=known.changes + 1, source=source, bound=bound)
            if self._store.write(known, kept):
                if before is not None:
                    self._reenter(kept, before.source, source)
                return self._settled(kept), before is None

    def delete(
        self, name: str, revision: int | None = None, patience: float = PATIENCE_SECONDS
    ) -> Removal | None:
        """Delete a source, and wait some seconds for its last readings. Return None if there is no such
        source.

        `finish` does the rest. Raises `SourceChanged` if the source's revision is another one.
        """
        while True:
            known = self._store.list()
            kept = known.sources.get(name)
            if kept is None:
                return None
            if not kept.is_deleted:
                _check_revision(kept, revision)
                draining = replace(kept, state="draining", revision=known.changes + 1)
                if not self._store.write(known, draining):
                    continue
                kept = draining
            break
        deadline = monotonic() + patience
        with opened(self._settings) as queues:
            while True:
                removal = self._step(queues, name)
                if removal is None or removal.done or removal.source.partition != kept.partition:
                    return Removal(kept, done=True)
                if monotonic() > deadline:
                    return removal
                sleep(_POLL_SECONDS)

    def finish(self) -> None:
        """Do the next step of every change that was interrupted or waits."""
        pending = [each for each in self._store.list().sources.values() if not _is_settled(each)]
        if not pending:
            return
        with opened(self._settings) as queues:
            for each in pending:
                if each.is_deleted:
                    self._step(queues, each.name)
                else:
                    self._settle(queues, each)

    def _reenter(self, kept: KeptSource, *versions: TopicSource) -> None:
        """Update the index of the source's machines if a version of it says when they are silent."""
        if any(each.settings.silent_after_seconds for each in versions):
            self._index.enter_home(kept.partition)

    def _new_partition(self) -> int:
        """Return a number whose queues do not exist, also if Redis was emptied and RabbitMQ was not."""
        with opened(self._settings) as queues:
            while queues.exist(partition := self._store.next_partition()):
                pass
            return partition

    def _settled(self, kept: KeptSource) -> KeptSource:
        if _is_settled(kept):
            return kept
        with opened(self._settings) as queues:
            return self._settle(queues, kept)

    def _settle(self, queues: SourceQueues, kept: KeptSource) -> KeptSource:
        """Make the queues and bindings of a source what its entry says, and note that."""
        pattern = pattern_of(kept.source)
        queues.declare(kept.partition)
        queues.bind(kept.partition, pattern)
        queues.unbind(kept.partition, [each for each in kept.bound if each != pattern])
        while True:
            known = self._store.list()
            now = known.sources.get(kept.name)
            if now is None or now.partition != kept.partition:
                queues.delete(kept.partition)  # it was deleted meanwhile, and may have been declared again
                return kept
            if now.revision != kept.revision or now.is_deleted:
                if pattern not in now.bound or now.is_deleted:
                    queues.unbind(kept.partition, [pattern])
                return now  # somebody else has changed it, and settles it
            settled = replace(kept, state="active", bound=(pattern,))
            if self._store.write(known, settled):
                return settled

    def _step(self, queues: SourceQueues, name: str) -> Removal | None:
        """Do the next step of a deletion; return None if there is no such source any more."""
        known = self._store.list()
        kept = known.sources.get(name)
        if kept is None or not kept.is_deleted:
            return None
        queues.unbind(kept.partition, kept.bound)
        waiting = queues.waiting(kept.partition)
        if kept.state == "draining":
            if not waiting.readings:
                self._store.write(known, replace(kept, state="closing"))
        elif waiting.readings:
            self._store.write(known, replace(kept, state="draining"))
        elif not waiting.consumers:
            queues.delete(kept.partition)
            done = self._store.remove(known, name)
            if done:
                self._index.forget_home(kept.partition)
            return Removal(kept, waiting, done=done)
        return Removal(kept, waiting)


class SourceFinisher:
    """A thread that completes interrupted changes of sources, from `start` to `close`."""

    def __init__(self, manager: SourceManager) -> None:
        self._manager = manager
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="sources", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Stop the thread after its current step."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(_FINISH_SECONDS):
            try:
                self._manager.finish()
            except (RedisError, BrokerUnavailable) as e:
                _logger.warning("changes of sources wait: %s", e)


def match(sources: Iterable[KeptSource], key: str) -> KeptSource | None:
    """Return the source whose readings have this routing key; None if there is none."""
    return next((each for each in sources if not each.is_deleted and each.matches(key)), None)


def _is_settled(kept: KeptSource) -> bool:
    return kept.state == "active" and kept.bound == (pattern_of(kept.source),)


def _check_revision(kept: KeptSource | None, revision: int | None) -> None:
    found = kept.revision if kept is not None else 0
    if revision is not None and revision != found:
        raise SourceChanged("the source has changed meanwhile")
