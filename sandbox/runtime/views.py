"""The views of a dict as one side of a comparison."""

from typing import TYPE_CHECKING, Any

from sandbox.runtime.sets import VIEWS, Set

if TYPE_CHECKING:
    from sandbox.runtime.meter import Meter


class ComparedView:
    """A view that is compared with another value, and pays for both.

    C code hashes the keys of the left or the right side, whichever it asks whether the other has all of them.
    """

    __slots__ = ("_meter", "_view")

    def __init__(self, view: Any, meter: "Meter") -> None:
        self._view = view
        self._meter = meter

    def _with(self, other: object) -> Any:
        if type(other) is ComparedView:
            other = other._view
        if type(other) in VIEWS or type(other) is Set:
            self._meter.expanse(self._view)
            self._meter.expanse(other)
        return other

    def __eq__(self, other: object) -> bool:
        return bool(self._view == self._with(other))

    def __lt__(self, other: object) -> bool:
        return bool(self._view < self._with(other))

    def __le__(self, other: object) -> bool:
        return bool(self._view <= self._with(other))

    def __gt__(self, other: object) -> bool:
        return bool(self._view > self._with(other))

    def __ge__(self, other: object) -> bool:
        return bool(self._view >= self._with(other))

    __hash__ = None  # type: ignore[assignment]
