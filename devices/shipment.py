"""The readings of a fleet or a recording, each with the time at which to send it."""

from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct


class Shipment(Struct, frozen=True):
    """A reading to send. `due` is in seconds after the start; 0 means as soon as possible.

    `due` counts from the start, not from the previous shipment, so a late shipment does not delay the next
    ones.
    """

    due: float
    machine: str
    body: bytes


class ShipmentSource(Protocol):
    """Yields shipments in the order in which they are due. `total` is their number, or None if unknown."""

    total: int | None

    def __iter__(self) -> Iterator[Shipment]: ...
