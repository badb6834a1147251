"""Sends the readings of a source on its schedule, until all are confirmed or the delivery gives up."""

import time
from collections.abc import Callable
from typing import Final, Literal

from msgspec import Struct

from devices.outbox import Counts
from devices.senders.sender import Sender
from devices.shipment import ShipmentSource

#: Seconds between two checks whether to stop. Signal handlers only set a flag, because the code that they
#: interrupt holds locks.
_CHECK_SECONDS: Final = 0.1

#: Seconds to wait for the last confirmations after a stop.
_LAST_SECONDS: Final = 3.0

End = Literal["complete", "stopped", "stalled"]


class Delivered(Struct, frozen=True):
    """The end of a delivery. `trouble` is the reason for missing confirmations, if there is one."""

    end: End
    counts: Counts
    trouble: str | None

    @property
    def all_confirmed(self) -> bool:
        """Whether all sent readings are confirmed."""
        return self.counts.confirmed == self.counts.sent


class Delivery:
    """Sends a source's shipments, and gives up after `patience` seconds without a confirmation.

    Ten times a second it asks `stopping` whether to end early, and calls `on_progress` with the counts.
    """

    def __init__(
        self,
        sender: Sender,
        source: ShipmentSource,
        patience: float,
        stopping: Callable[[], bool],
        on_progress: Callable[[Counts], None],
    ) -> None:
        self._sender = sender
        self._source = source
        self._patience = patience
        self._stopping = stopping
        self._on_progress = on_progress
        self._next_check = 0.0
        self._end: End | None = None

    def run(self) -> Delivered:
        """Send all shipments and wait for the confirmations. The sender must be open."""
        started = time.monotonic()
        for shipment in self._source:
            if not self._wait_until(started + shipment.due):
                break
            while not self._sender.send(shipment.machine, shipment.body, _CHECK_SECONDS) and self._go_on():
                pass
            if self._end is not None:
                break
        while self._end is None and not self._sender.flush(_CHECK_SECONDS):
            self._go_on()
        if self._end == "stopped":
            self._sender.flush(_LAST_SECONDS)
        self._on_progress(self._sender.counts)
        return Delivered(self._end or "complete", self._sender.counts, self._sender.trouble)

    def _wait_until(self, moment: float) -> bool:
        """Wait for a moment of the schedule. Return False if the delivery ends first."""
        while True:
            now = time.monotonic()
            # A late delivery never sleeps here, but it must still check regularly whether to stop.
            if now >= self._next_check and not self._go_on():
                return False
            if now >= moment:
                return True
            time.sleep(min(moment - now, _CHECK_SECONDS))

    def _go_on(self) -> bool:
        self._next_check = time.monotonic() + _CHECK_SECONDS
        self._on_progress(self._sender.counts)
        if self._stopping():
            self._end = "stopped"
        elif self._sender.stalled > self._patience:
            self._end = "stalled"
        return self._end is None
