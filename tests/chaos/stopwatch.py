"""How long machines stand still: the longest wait of a reading of each, from a fault until it is over.

A result soon after a fault does not prove that the machine does not stand still: a worker that joins takes
partitions over when it is up, and one that leaves gives them away when it ends. So every reading sent since
the fault counts, until the fault is over and each machine has a result of a reading sent after that.
"""

import time
from threading import Lock

from tests.chaos.fleet import Fleet
from tests.support.waiting import wait_until

#: Seconds after which a machine without a result counts as standing still permanently.
PATIENCE = 60.0


class Stopwatch:
    """One measurement at a time. `on_result` is called by the tap, on its thread."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._lock = Lock()
        self._since = self._over = 0.0
        self._waits = dict[str, float]()
        self._flowing = set[str]()
        self._last = dict[str, int]()

    def start(self) -> None:
        """Start measuring now."""
        with self._lock:
            self._since = self._over = time.monotonic()
            self._waits, self._flowing = {}, set()

    def over(self) -> None:
        """Note that the fault is over: readings sent from now on must have results before `wait` ends."""
        with self._lock:
            self._over, self._flowing = time.monotonic(), set()

    def on_result(self, machine_id: str, n: int) -> None:
        """Note a result of the machine's reading n. A repeated result is ignored."""
        with self._lock:
            if n <= self._last.get(machine_id, -1):
                return
            self._last[machine_id] = n
            sent = self._fleet.by_id[machine_id].sent_at[n]
            if sent >= self._since:
                waited = time.monotonic() - sent
                self._waits[machine_id] = max(waited, self._waits.get(machine_id, 0.0))
            if sent >= self._over:
                self._flowing.add(machine_id)

    def wait(self) -> list[float]:
        """Wait until every machine has results again. Return the longest wait of each in seconds.

        Raises `AssertionError` if a machine stands still for more than `PATIENCE`.
        """
        wait_until(lambda: len(self._flowing) == len(self._fleet.machines), timeout=PATIENCE)
        with self._lock:
            return list(self._waits.values())

    @property
    def standing(self) -> list[str]:
        """The machines that have no result yet."""
        with self._lock:
            return sorted(set(self._fleet.by_id) - self._flowing)
