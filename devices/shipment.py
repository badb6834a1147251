"""What a fleet or a recording gives to be sent, and when."""

from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct


class Shipment(Struct, frozen=True):
    """A reading to be sent. `due`: seconds after the start; 0 for as soon as it can be sent.

    The moment is a schedule's, counted from the start, not from the shipment before: a late one makes the
    next ones no later.
    """

    due: float
    machine: str
    body: bytes


class ShipmentSource(Protocol):
    """Gives shipments in the order in which they are due. `total` is how many, or None where nobody knows."""

    total: int | None

    def __iter__(self) -> Iterator[Shipment]: ...
