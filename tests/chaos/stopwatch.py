"""How long the machines stand still: from a moment until each has a result of a reading sent after it."""

import time
from threading import Lock

from tests.chaos.fleet import Fleet
from tests.waiting import wait_until

#: Seconds after which a machine without a result counts as one that stands still for good.
PATIENCE = 60.0


class Stopwatch:
    """One measurement at a time. `on_result` is called by the tap, on its thread."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._lock = Lock()
        self._since = 0.0
        self._flowed = dict[str, float]()

    def start(self) -> None:
        """Measure from now on."""
        with self._lock:
            self._since, self._flowed = time.monotonic(), {}

    def on_result(self, machine_id: str, n: int) -> None:
        """A result of the machine's reading n has come."""
        with self._lock:
            if machine_id not in self._flowed and self._fleet.by_id[machine_id].sent_at[n] >= self._since:
                self._flowed[machine_id] = time.monotonic() - self._since

    def wait(self) -> list[float]:
        """Wait until the results of every machine flow. The seconds that each took.

        Raises `AssertionError` where one takes more than `PATIENCE`.
        """
        wait_until(lambda: len(self._flowed) == len(self._fleet.machines), timeout=PATIENCE)
        return list(self._flowed.values())

    @property
    def standing(self) -> list[str]:
        """The machines that have no result yet."""
        with self._lock:
            return sorted(set(self._fleet.by_id) - set(self._flowed))
