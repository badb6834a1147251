"""Readings that wait to be sent, and sent readings that are not yet confirmed.

The senders' promises rest on this file. The rules:

1.  *A reading leaves the outbox only when it is confirmed*, or refused for good. When a connection ends, all
    readings in flight go back in front of the waiting ones, in the order in which they were added.
2.  *Only a sender's own thread takes readings out*, one after the other. So readings go on the wire in the
    order in which they were added, and each machine's readings stay in order.
3.  *At most `window` readings are unconfirmed at a time*: a caller that adds more must wait. So the window
    also bounds how many readings a lost connection can repeat.

Repeats: if the broker took a reading, but its confirmation was lost with the connection, the sender sends the
reading again, together with all readings after it. A consumer sees 1 2 3 4 5 | 3 4 5 6: no reading is
missing, the first copies arrive in order, and up to `window` readings arrive twice. With AMQP the repeats
have the same `message_id`; with MQTT and HTTP only the body identifies a repeat.
"""

import time
from collections import deque
from collections.abc import Callable
from threading import Condition

from msgspec import Struct


class Parcel(Struct, frozen=True):
    """A reading in the outbox; `number` counts from 1 in the order in which readings were added."""

    number: int
    machine: str
    body: bytes


class Counts(Struct, frozen=True):
    """Readings sent at least once, confirmed, and refused for good, and the number of repeated sends."""

    sent: int = 0
    confirmed: int = 0
    refused: int = 0
    repeated: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.sent + other.sent,
            self.confirmed + other.confirmed,
            self.refused + other.refused,
            self.repeated + other.repeated,
        )


class Outbox:
    """A bounded queue for threads that add readings and one thread that sends them."""

    def __init__(self, window: int) -> None:
        self.window = window
        self._changed = Condition()
        self._waiting: deque[Parcel] = deque()
        self._in_flight: dict[int, Parcel] = {}
        self._postponed: list[Parcel] = []
        self._handed_in = self._sent = self._confirmed = self._refused = self._repeated = 0
        self._sleepers = 0
        self._interrupted = False
        self._progressed = time.monotonic()

    @property
    def counts(self) -> Counts:
        """The counts so far."""
        return Counts(self._sent, self._confirmed, self._refused, self._repeated)

    @property
    def unsettled(self) -> int:
        """The number of readings that are neither confirmed nor refused yet."""
        return self._handed_in - self._confirmed - self._refused

    @property
    def in_flight(self) -> int:
        """The number of readings that are sent and not yet answered."""
        return len(self._in_flight)

    @property
    def stalled(self) -> float:
        """Seconds without an answer although readings wait for one; 0 if no reading waits."""
        with self._changed:
            return time.monotonic() - self._progressed if self.unsettled else 0.0

    def put(self, machine: str, body: bytes, timeout: float | None = None) -> bool:
        """Add a reading. Return False, and do not add it, if the window is full for `timeout` seconds."""
        with self._changed:
            if self.unsettled >= self.window:
                # Waking at every confirmation would make the two threads alternate for each reading.
                half = self.window // 2
                if not self._wait(lambda: self.unsettled <= half, timeout) and self.unsettled >= self.window:
                    return False
            if not self.unsettled:
                self._progressed = time.monotonic()
            self._handed_in += 1
            self._waiting.append(Parcel(self._handed_in, machine, body))
            if self._sleepers:
                self._changed.notify_all()
            return True

    def wait_empty(self, timeout: float | None = None) -> bool:
        """Wait until all readings are confirmed or refused. Return False after `timeout` seconds."""
        with self._changed:
            return self._wait(lambda: not self.unsettled, timeout)

    def wait_waiting(self, timeout: float | None = None) -> bool:
        """Wait until there is a reading to take. Return False after `timeout` seconds, or if interrupted."""
        with self._changed:
            return self._wait(
                lambda: self._interrupted or bool(self._waiting and not self._postponed), timeout
            ) and bool(self._waiting)

    def interrupt(self) -> None:
        """End every call of `wait_waiting`, now and in the future."""
        with self._changed:
            self._interrupted = True
            self._changed.notify_all()

    def take(self, tag: int) -> Parcel | None:
        """Return the next reading, which is then in flight under `tag`, or None if there is none to send.

        While a reading is postponed, return None, because the next reading would overtake it.
        """
        with self._changed:
            if not self._waiting or self._postponed:
                return None
            parcel = self._waiting.popleft()
            self._in_flight[tag] = parcel
            # Numbers count up and are sent in order, so a number that is not above the count was sent before.
            if parcel.number > self._sent:
                self._sent = parcel.number
            else:
                self._repeated += 1
            return parcel

    def confirm(self, tag: int, *, multiple: bool = False) -> int:
        """Confirm the reading in flight under `tag`, or with `multiple` all up to it. Return how many."""
        with self._changed:
            tags = self._up_to(tag, multiple)
            for each in tags:
                del self._in_flight[each]
            if tags:
                self._confirmed += len(tags)
                self._settled()
            return len(tags)

    def refuse(self, tag: int) -> None:
        """Count the reading in flight under `tag` as refused for good: another attempt would not help."""
        with self._changed:
            if self._in_flight.pop(tag, None) is not None:
                self._refused += 1
                self._settled()

    def postpone(self, tag: int, *, multiple: bool = False) -> None:
        """Postpone the reading in flight under `tag`, or with `multiple` all up to it.

        The broker cannot take it now. Nothing is sent before `resume`.
        """
        with self._changed:
            self._postponed += [self._in_flight.pop(each) for each in self._up_to(tag, multiple)]

    def tag_of(self, number: int) -> int | None:
        """Return the tag under which the reading with this number is in flight, or None."""
        with self._changed:
            return next((tag for tag, parcel in self._in_flight.items() if parcel.number == number), None)

    def holds_back(self) -> bool:
        """Return whether a reading is postponed and no reading is in flight that it could overtake."""
        with self._changed:
            return bool(self._postponed) and not self._in_flight

    def resume(self) -> None:
        """Put back all readings in flight or postponed, to be sent again in their original order."""
        with self._changed:
            back = sorted([*self._in_flight.values(), *self._postponed], key=lambda parcel: parcel.number)
            self._in_flight.clear()
            self._postponed.clear()
            self._waiting.extendleft(reversed(back))
            self._changed.notify_all()

    def _up_to(self, tag: int, multiple: bool) -> list[int]:
        """Return the tags that an answer of the broker covers. Tags count up, so the dict is sorted."""
        if not multiple:
            return [tag] if tag in self._in_flight else []
        tags = []
        for each in self._in_flight:
            if each > tag:
                break
            tags.append(each)
        return tags

    def _settled(self) -> None:
        """Note that a reading was confirmed or refused, and wake the threads that wait for that."""
        self._progressed = time.monotonic()
        if self._sleepers and self.unsettled <= self.window // 2:
            self._changed.notify_all()

    def _wait(self, reached: Callable[[], bool], timeout: float | None) -> bool:
        self._sleepers += 1
        try:
            return self._changed.wait_for(reached, timeout)
        finally:
            self._sleepers -= 1
