"""Collects the machines of a worker's batches and updates the machine index once a second.

So no batch waits for the index, and a machine that sends a hundred readings a second costs one update.
"""

import logging
from collections.abc import Iterable
from threading import Event, Lock, Thread
from typing import Final

from msgspec.structs import replace

from pipeline.model.machine import Condition, condition_of
from pipeline.store.client import RedisError
from pipeline.store.machine_index import MachineIndex
from pipeline.worker.transaction import Transaction

#: Seconds between two updates.
_INTERVAL_SECONDS: Final = 1.0

_logger = logging.getLogger(__name__)


class IndexWriter:
    """The pending index updates of one process.

    Batches note machines. A thread, from `start` to `close`, writes the updates.
    """

    def __init__(self, index: MachineIndex) -> None:
        self._index = index
        self._lock = Lock()
        self._seen: dict[str, int] = {}
        self._changed = set[str]()
        self._unchecked: dict[str, tuple[Condition, int | None]] = {}
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="index", daemon=True)

    def note(self, transactions: Iterable[Transaction]) -> None:
        """Note the machines of a batch after the batch is written."""
        with self._lock:
            for transaction in transactions:
                before, after = transaction.stored, transaction.after
                if transaction.repeated:
                    self._unchecked[transaction.machine] = condition_of(before), before.record.home
                if after is None:
                    continue
                self._seen[transaction.machine] = after.counters.seen
                if after.stands_differently(before.record) or after.home != before.record.home:
                    self._changed.add(transaction.machine)
                elif after.session != before.record.session:
                    condition = condition_of(replace(before, record=after))
                    self._unchecked[transaction.machine] = condition, after.home

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Write the remaining updates and stop the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self.flush()

    def flush(self) -> None:
        """Write the noted machines to the index. If Redis is unavailable, keep them for the next time."""
        with self._lock:
            seen, self._seen = self._seen, {}
            changed, self._changed = self._changed, set()
            unchecked, self._unchecked = self._unchecked, {}
        try:
            self._index.enter(changed | self._index.astray(unchecked))
            self._index.note_seen(seen)
        except RedisError as e:
            _logger.warning("the index of machines is behind because Redis is unavailable: %s", e)
            with self._lock:
                self._seen = seen | self._seen
                self._changed |= changed | unchecked.keys()

    def _run(self) -> None:
        while not self._stopping.wait(_INTERVAL_SECONDS):
            self.flush()
