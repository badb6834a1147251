"""The progress of the bench, on standard error, so that standard output contains only the report."""

import sys


def announce(step: str) -> None:
    """Print what is being measured."""
    print(f"… {step}", file=sys.stderr, flush=True)
