"""What the bench is at, on standard error, so that standard output is the report alone."""

import sys


def announce(step: str) -> None:
    """Say what is being measured."""
    print(f"… {step}", file=sys.stderr, flush=True)
