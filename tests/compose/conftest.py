"""The table at the end of the run."""

import time

import pytest

from tests.compose.report import check_lines, noted_lines

_STARTED = pytest.StashKey[float]()


def pytest_configure(config: pytest.Config) -> None:
    """Record the time of the start."""
    config.stash[_STARTED] = time.monotonic()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    reports = [
        report
        for outcome in ("", "passed", "failed", "error")
        for report in terminalreporter.stats.get(outcome, [])
        if isinstance(report, pytest.TestReport) and report.when != "setup"
    ]
    terminalreporter.section("what was tested")
    for line in noted_lines():
        terminalreporter.write_line(line)
    terminalreporter.section("what was checked")
    for line in check_lines(reports):
        terminalreporter.write_line(line)
    seconds = time.monotonic() - config.stash[_STARTED]
    terminalreporter.write_line(f"{seconds:>6.0f} s  in all, with building and starting")
