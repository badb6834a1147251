"""Waiting for conditions, never for seconds."""

import time
from collections.abc import Callable

#: Seconds between two checks.
_INTERVAL = 0.02


def wait_until(condition: Callable[[], object], timeout: float = 20) -> None:
    """Check until `condition` holds. Fail after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout} s"
        time.sleep(_INTERVAL)
