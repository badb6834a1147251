"""The errors of the API's own.

::

    IotLogicError
    ├── Busy                as much is done at once as may be
    ├── ExamplesFailed      a logic does not do what its examples say
    ├── ExamplesUnfit       examples cannot be kept with a logic
    └── TokenError          a token cannot be made as asked
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.errors import IotLogicError

if TYPE_CHECKING:
    from web.example import Mismatch


class Busy(IotLogicError):
    """As much is done at once as may be; `again` is after how many seconds to try again."""

    def __init__(self, message: str, again: int) -> None:
        super().__init__(message)
        self.again = again


class ExamplesFailed(IotLogicError):
    """A logic does not do what its examples say. What was in force stays in force."""

    def __init__(self, mismatches: "Sequence[Mismatch]") -> None:
        super().__init__(f"the examples fail in {len(mismatches)} place(s)")
        self.mismatches = list(mismatches)


class ExamplesUnfit(IotLogicError):
    """Examples cannot be kept with a logic: they are too many, or contradict themselves."""


class TokenError(IotLogicError):
    """A token cannot be made as asked: its name is taken or is none. The message says which."""
