"""Which machines a worker has met, for the directory: gathered here, and entered once a second.

So a batch waits for nothing, and a machine that sends a hundred readings a second costs one entry.
"""

import logging
from collections.abc import Collection, Mapping
from threading import Event, Lock, Thread
from typing import Final

from msgspec.structs import replace

from pipeline.directory import Directory
from pipeline.health import Condition, condition_of
from pipeline.record import Record
from pipeline.records import Stored
from pipeline.store import RedisError

#: Seconds between two entries.
_INTERVAL_SECONDS: Final = 1.0

_logger = logging.getLogger(__name__)


class Attendance:
    """What one process has to enter: its batches note, and a thread enters, from `start` to `close`."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._lock = Lock()
        self._seen: dict[str, int] = {}
        self._changed = set[str]()
        self._met: dict[str, Condition] = {}
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="attendance", daemon=True)

    def note(
        self, before: Mapping[str, Stored], after: Mapping[str, Record], met_before: Collection[str] = ()
    ) -> None:
        """Note the machines of a batch whose records were written, with what they were and are.

        Of those in `met_before` the batch had readings that were applied already.
        """
        with self._lock:
            for machine_id in met_before:
                self._met[machine_id] = condition_of(before[machine_id])
            for machine_id, record in after.items():
                stored = before[machine_id]
                self._seen[machine_id] = record.tally.seen
                if record.stands_differently(stored.record):
                    self._changed.add(machine_id)
                elif record.session != stored.record.session:
                    self._met[machine_id] = condition_of(replace(stored, record=record))

    def start(self) -> None:
        """Begin to enter."""
        self._thread.start()

    def close(self) -> None:
        """Enter what is left."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self.flush()

    def flush(self) -> None:
        """Enter what was noted until now; where Redis cannot be used, it is kept for the next time."""
        with self._lock:
            seen, self._seen = self._seen, {}
            changed, self._changed = self._changed, set()
            met, self._met = self._met, {}
        try:
            self._directory.enter(changed | self._directory.astray(met))
            self._directory.note_seen(seen)
        except RedisError as e:
            _logger.warning("the directory of the machines is behind: %s", e)
            with self._lock:
                self._seen = seen | self._seen
                self._changed |= changed | met.keys()

    def _run(self) -> None:
        while not self._stopping.wait(_INTERVAL_SECONDS):
            self.flush()
