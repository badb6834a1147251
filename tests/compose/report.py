"""The table at the end of `make test-compose`: the tested versions, the checks, and their durations."""

from collections.abc import Iterable

import pytest

#: Notes of checks for the table, by name.
_noted = dict[str, str]()


def note(name: str, value: str) -> None:
    """Add a note to the table."""
    _noted[name] = value


def noted_lines() -> list[str]:
    """Return the notes, aligned."""
    width = max(map(len, _noted), default=0)
    return [f"{name:<{width}}  {value}" for name, value in _noted.items()]


def check_lines(reports: Iterable[pytest.TestReport]) -> list[str]:
    """Return a line for each check: seconds, outcome, and name. Checks of several services share a line."""
    seconds, outcomes = dict[str, float](), dict[str, set[str]]()
    parts = dict[str, list[str]]()
    for report in reports:
        name, _, of = report.nodeid.rpartition("::")[2].removeprefix("test_").partition("[")
        seconds[name] = seconds.get(name, 0) + report.duration
        outcomes.setdefault(name, set()).add(report.outcome)
        if of and report.when == "call":
            parts.setdefault(name, []).append(of.rstrip("]"))
    return [
        f"{seconds[name]:>6.1f} s  {'FAILED' if 'failed' in outcomes[name] else 'passed'}  "
        + name.replace("_", " ")
        + (f": {', '.join(parts[name])}" if name in parts else "")
        for name in seconds
    ]
