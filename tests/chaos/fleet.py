"""The fleet: machines that number their readings, and know whether the broker has confirmed each of them."""

import json
import time
from array import array
from collections.abc import Callable
from concurrent.futures import Future
from enum import IntEnum
from random import Random
from threading import Event, Lock, Thread
from typing import Final

import pika

from pipeline import wire
from pipeline.broker.connection import parameters_of
from pipeline.broker.publisher import PERSISTENT, Message, Publisher
from tests.support.waiting import wait_until

#: The number of readings that are published at once, and of such portions that may wait for their confirms. A
#: killed broker leaves at most these readings in doubt.
_PORTION: Final = 32
_PORTIONS: Final = 16

#: The share of bad readings from machines that sometimes send bad readings.
_BAD: Final = 0.02

#: The timeout in seconds for the broker to confirm or refuse messages, even while it restarts.
_CONFIRMS_SECONDS: Final = 60

#: The share of portions that come from a single machine, so that batches contain many readings of it.
_FLOODS: Final = 0.2


class Sort(IntEnum):
    """The effect of a reading on its logic."""

    GOOD, RAISES, NOT_JSON = range(3)


class Machine:
    """The readings of one machine. They are numbered from 0; place n of each column belongs to reading n."""

    def __init__(self, place: int, padding: int = 0) -> None:
        self.id = f"m{place}"
        #: Half of the machines send a `message_id`. A third of them sometimes send bad readings.
        self.with_message_id = place % 2 == 0
        self.at_times_bad = place % 3 == 0
        self.padding = padding
        self.sorts = bytearray()
        self.confirmed = bytearray()
        self.sent_at = array("d")

    def next_message(self, sort: Sort) -> Message:
        """Create the next reading, marked as in doubt."""
        n = len(self.sorts)
        self.sorts.append(sort)
        self.confirmed.append(0)
        self.sent_at.append(time.monotonic())
        message_id = f"{self.id}-{n}" if self.with_message_id else None
        return Message(
            wire.INGEST_EXCHANGE,
            wire.data_key(self.id),
            body_of(n, sort, self.padding),
            pika.BasicProperties(delivery_mode=PERSISTENT, message_id=message_id),
            mandatory=True,
        )


def body_of(n: int, sort: Sort, padding: int = 0) -> bytes:
    """Return the bytes of a machine's reading n. The logics fail if there is no `n`."""
    match sort:
        case Sort.GOOD:
            return json.dumps({"n": n, "padding": "x" * padding} if padding else {"n": n}).encode()
        case Sort.RAISES:
            return json.dumps({"bad": n}).encode()
        case Sort.NOT_JSON:
            return b'{"n": %d' % n


class Fleet:
    """Sends `rate` readings per second (None: as fast as the broker confirms) from `start` to `stop`.

    The share `flood` of the readings comes from the first machine. Good readings have `padding` more bytes.
    The machines are numbered from `first` on. `on_confirm` is called whenever readings are confirmed, on the
    publisher's thread.
    """

    def __init__(
        self,
        amqp_url: str,
        machines: int,
        seed: int,
        rate: float | None,
        *,
        flood: float = 0.0,
        padding: int = 0,
        first: int = 0,
        on_confirm: Callable[[], None] = lambda: None,
    ) -> None:
        self.machines = [Machine(place, padding) for place in range(first, first + machines)]
        self._on_confirm = on_confirm
        self._flood = flood
        self.by_id = {machine.id: machine for machine in self.machines}
        self.rate = rate
        self.confirmed = 0
        self._random = Random(seed)
        self._publisher = Publisher(lambda: parameters_of(amqp_url)[0], amqp_url=amqp_url)
        self._lock = Lock()
        self._waiting = 0
        self._stop, self._paused, self._resting = Event(), Event(), Event()
        self._thread = Thread(target=self._run, name="fleet", daemon=True)

    @property
    def sent(self) -> int:
        """The number of readings sent so far, confirmed or in doubt."""
        return sum(len(machine.sorts) for machine in self.machines)

    def pause_at_start(self) -> None:
        """Send nothing after the start, until `resume`."""
        self._paused.set()

    def start(self) -> None:
        """Start sending."""
        self._thread.start()

    def stop(self) -> None:
        """Stop sending, and wait until each reading is confirmed or known to be in doubt."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        while self._waiting and self._publisher.connected:
            time.sleep(0.01)
        self._publisher.close()

    def pause(self) -> None:
        """Send nothing until `resume`. Returns when each reading is confirmed or in doubt.

        Raises `AssertionError` if the broker neither confirms nor refuses them.
        """
        self._paused.set()
        wait_until(lambda: self._resting.is_set() and not self._waiting, timeout=_CONFIRMS_SECONDS)

    def resume(self) -> None:
        """Continue sending."""
        self._resting.clear()
        self._paused.clear()

    def send_last(self) -> dict[str, int]:
        """Send one more reading of each machine while the fleet is paused, until all are confirmed.

        Return the number of each.
        """
        last = dict[str, int]()

        def confirmed() -> bool:
            if not self._publisher.connected:
                return False
            missing = [machine for machine in self.machines if machine.id not in last]
            places = [(machine, len(machine.sorts)) for machine in missing]
            self._publish(places, [machine.next_message(Sort.GOOD) for machine in missing])
            wait_until(lambda: not self._waiting, timeout=_CONFIRMS_SECONDS)
            last.update((machine.id, n) for machine, n in places if machine.confirmed[n])
            return len(last) == len(self.machines)

        wait_until(confirmed, timeout=_CONFIRMS_SECONDS)
        return last

    @property
    def _ready(self) -> bool:
        return self._publisher.connected and self._waiting < _PORTIONS and not self._paused.is_set()

    def _run(self) -> None:
        allowed, before = 0.0, time.monotonic()
        while not self._stop.wait(0.005):
            now = time.monotonic()
            if self._paused.is_set():
                allowed, before = 0.0, now
                self._resting.set()
                continue
            rate = self.rate or float("inf")
            # The fleet does not catch up on readings that it could not send while the broker was down.
            allowed, before = min(allowed + (now - before) * rate, rate / 4), now
            while allowed >= 1 and self._ready:
                portion = int(min(allowed, self._random.randint(1, _PORTION)))
                allowed -= portion
                self._send(portion)

    def _send(self, readings: int) -> None:
        if self._flood:
            first = [self.machines[0]] * round(readings * self._flood)
            machines = first + self._random.choices(self.machines, k=readings - len(first))
        elif self._random.random() < _FLOODS:
            machines = [self._random.choice(self.machines)] * readings
        else:
            machines = self._random.choices(self.machines, k=readings)
        places, messages = list[tuple[Machine, int]](), list[Message]()
        for machine in machines:
            sort = Sort.GOOD
            if machine.at_times_bad and self._random.random() < _BAD:
                sort = self._random.choice([Sort.RAISES, Sort.NOT_JSON])
            places.append((machine, len(machine.sorts)))
            messages.append(machine.next_message(sort))
        self._publish(places, messages)

    def _publish(self, places: list[tuple[Machine, int]], messages: list[Message]) -> None:
        with self._lock:
            self._waiting += 1

        def settled(future: "Future[None]") -> None:
            with self._lock:
                self._waiting -= 1
                if future.exception() is None:
                    self.confirmed += len(places)
                    for machine, n in places:
                        machine.confirmed[n] = 1
                    self._on_confirm()

        self._publisher.publish(messages).add_done_callback(settled)
