"""The errors of the API's own.

::

    IotLogicError
    └── Busy    as much is done at once as may be
"""

from pipeline.errors import IotLogicError


class Busy(IotLogicError):
    """As much is done at once as may be; `again` is after how many seconds to try again."""

    def __init__(self, message: str, again: int) -> None:
        super().__init__(message)
        self.again = again
