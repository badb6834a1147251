"""Readings on their way: handed in, on the wire, and not yet confirmed.

What the senders promise rests on this file. The rules:

1.  *A reading leaves the outbox only when it was confirmed*, or refused for good. A connection that ends
    puts all that was in flight back in front of what waits, in the order in which it was handed in.
2.  *Only a sender's own thread takes readings out*, one after the other: the order on the wire is the
    order of handing in, so also the order of each machine.
3.  *No more than `window` readings are unconfirmed at a time*: whoever hands in more waits. What a lost
    connection can repeat is therefore bounded by the window too.

What repeats: a reading that the broker had taken, but whose confirmation was lost with the connection, is
sent again, together with all that came after it. A consumer sees 1 2 3 4 5 | 3 4 5 6: nothing is missing,
nothing overtakes for the first time, and up to `window` readings come twice. With AMQP the repeats carry
the same `message_id`; with MQTT and HTTP only the body can tell.
"""

import time
from collections import deque
from collections.abc import Callable
from threading import Condition

from msgspec import Struct


class Parcel(Struct, frozen=True):
    """A reading in the outbox; `number` counts from 1 in the order of handing in."""

    number: int
    machine: str
    body: bytes


class Counts(Struct, frozen=True):
    """Readings sent at least once, confirmed, and refused for good; and how often one was sent again."""

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
    """Bounded, for threads that hand in and one thread that sends."""

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
        """Readings handed in and neither confirmed nor refused."""
        return self._handed_in - self._confirmed - self._refused

    @property
    def in_flight(self) -> int:
        """Readings that are on the wire and not answered."""
        return len(self._in_flight)

    @property
    def stalled(self) -> float:
        """Seconds for which nothing was confirmed although something waits for it."""
        with self._changed:
            return time.monotonic() - self._progressed if self.unsettled else 0.0

    def put(self, machine: str, body: bytes, timeout: float | None = None) -> bool:
        """Hand in a reading. False where the window was full for `timeout` seconds; then it is not in."""
        with self._changed:
            if self.unsettled >= self.window:
                # Waking at every confirmation would make two threads take turns for each reading.
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
        """Wait until all that was handed in is settled. False where it took longer than `timeout` seconds."""
        with self._changed:
            return self._wait(lambda: not self.unsettled, timeout)

    def wait_waiting(self, timeout: float | None = None) -> bool:
        """Wait until there is something to take. False after `timeout` seconds, or when interrupted."""
        with self._changed:
            return self._wait(
                lambda: self._interrupted or bool(self._waiting and not self._postponed), timeout
            ) and bool(self._waiting)

    def interrupt(self) -> None:
        """End every `wait_waiting`, now and from now on."""
        with self._changed:
            self._interrupted = True
            self._changed.notify_all()

    def take(self, tag: int) -> Parcel | None:
        """The next reading, which from now on is in flight under `tag`; None where there is none to send.

        There is also none while something is postponed: it would be overtaken.
        """
        with self._changed:
            if not self._waiting or self._postponed:
                return None
            parcel = self._waiting.popleft()
            self._in_flight[tag] = parcel
            # Numbers count up and are sent in order: one that is not above the count was sent before.
            if parcel.number > self._sent:
                self._sent = parcel.number
            else:
                self._repeated += 1
            return parcel

    def confirm(self, tag: int, *, multiple: bool = False) -> int:
        """Count what is in flight under `tag` as confirmed; with `multiple` all up to it. Says how many."""
        with self._changed:
            tags = self._up_to(tag, multiple)
            for each in tags:
                del self._in_flight[each]
            if tags:
                self._confirmed += len(tags)
                self._settled()
            return len(tags)

    def refuse(self, tag: int) -> None:
        """Count what is in flight under `tag` as refused for good: sending it again would change nothing."""
        with self._changed:
            if self._in_flight.pop(tag, None) is not None:
                self._refused += 1
                self._settled()

    def postpone(self, tag: int, *, multiple: bool = False) -> None:
        """The broker cannot take what is in flight under `tag` now: nothing is sent before `resume`."""
        with self._changed:
            self._postponed += [self._in_flight.pop(each) for each in self._up_to(tag, multiple)]

    def tag_of(self, number: int) -> int | None:
        """The tag under which the reading with this number is in flight."""
        with self._changed:
            return next((tag for tag, parcel in self._in_flight.items() if parcel.number == number), None)

    def holds_back(self) -> bool:
        """Whether something is postponed and nothing is in flight any more that it could overtake."""
        with self._changed:
            return bool(self._postponed) and not self._in_flight

    def resume(self) -> None:
        """Put back what is in flight or postponed, to be sent again in the order of handing in."""
        with self._changed:
            back = sorted([*self._in_flight.values(), *self._postponed], key=lambda parcel: parcel.number)
            self._in_flight.clear()
            self._postponed.clear()
            self._waiting.extendleft(reversed(back))
            self._changed.notify_all()

    def _up_to(self, tag: int, multiple: bool) -> list[int]:
        """The tags meant by one of the broker's answers. Tags count up: the dict is sorted by them."""
        if not multiple:
            return [tag] if tag in self._in_flight else []
        tags = []
        for each in self._in_flight:
            if each > tag:
                break
            tags.append(each)
        return tags

    def _settled(self) -> None:
        """Note that a reading was confirmed or refused, and wake who waits for that."""
        self._progressed = time.monotonic()
        if self._sleepers and self.unsettled <= self.window // 2:
            self._changed.notify_all()

    def _wait(self, reached: Callable[[], bool], timeout: float | None) -> bool:
        self._sleepers += 1
        try:
            return self._changed.wait_for(reached, timeout)
        finally:
            self._sleepers -= 1
