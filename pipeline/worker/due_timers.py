"""The machines of a partition whose timers are due, until they are handed out and the index is changed.

A timer may run without a reading only if no reading can follow that was received before it was due
(`pipeline.model.timer`). A probe proves that: the queue keeps the order, so when it is delivered, all
readings have been delivered that were in the queue when it was published. The time `cleared` is that of the
last probe whose readings before it have all been handed out.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

#: The most machines to keep in mind. More are asked for when fewer than half of them are left. These are few,
#: because each answer is handled while readings wait.
MOST: Final = 128


class DueTimers:
    """The machines of one session. Everything runs on the consumer's thread."""

    def __init__(self) -> None:
        self.cleared = 0
        #: Probes that were delivered: the tag of each, and when it was published.
        self._probes = deque[tuple[int, int]]()
        #: Machines to hand out, and when the first timer of each is due.
        self._waiting: dict[str, int] = {}
        self._first: int | None = None
        #: Machines that are handed out, until the index is changed.
        self._out = set[str]()

    @property
    def wanted(self) -> int:
        """How many machines the index should name, with those that it has named; 0 if enough are known."""
        return len(self._out) + MOST if len(self._waiting) < MOST // 2 else 0

    @property
    def ready(self) -> bool:
        """Whether there is a machine to hand out."""
        return self._first is not None and self._first <= self.cleared

    @property
    def needs_probe(self) -> bool:
        """Whether all machines wait for a probe."""
        return self._first is not None and self._first > self.cleared

    def note(self, due: Mapping[str, int]) -> None:
        """Take note of machines that the index names, each with the time of its first timer."""
        for machine, time in due.items():
            if machine not in self._out and len(self._waiting) < MOST:
                self._waiting[machine] = time
        self._first = min(self._waiting.values(), default=None)

    def note_probe(self, tag: int, published: int) -> None:
        """Note that a probe was delivered under this tag, which was published at this time."""
        self._probes.append((tag, published))

    def clear_up_to(self, tag: int | None) -> None:
        """Note that all readings are handed out that were delivered before this tag; None if all are."""
        while self._probes and (tag is None or self._probes[0][0] < tag):
            self.cleared = self._probes.popleft()[1]

    def take(self, most: int) -> dict[str, int]:
        """Hand out at most so many machines, those whose timers are due first."""
        if not self.ready:
            return {}
        due = sorted((time, machine) for machine, time in self._waiting.items() if time <= self.cleared)
        taken = {machine: time for time, machine in due[:most]}
        for machine in taken:
            del self._waiting[machine]
        self._out.update(taken)
        self._first = min(self._waiting.values(), default=None)
        return taken

    def forget(self, machines: Iterable[str]) -> None:
        """Forget machines that were handed out. The index may name them again."""
        self._out.difference_update(machines)
