"""The logics on the page about timers do what the page says."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.job import Job, Logic
from sandbox.parent.sandbox import Sandbox
from tests.site.mentions import ROOT

#: When the first reading is received, in milliseconds since 1970.
START = round(datetime(2026, 11, 23, 8, tzinfo=UTC).timestamp() * 1000)

MINUTE, HOUR = 60_000, 3_600_000


def examples() -> list[str]:
    text = (ROOT / "docs" / "timers.md").read_text()
    return [part.partition("```")[0] for part in text.split("```python\n")[1:]]


@pytest.mark.parametrize(
    ("place", "readings", "hours", "results"),
    [
        (0, [(0, {}), (40, {}), (100, {})], 1, [{"alarm": "no reading for 45 minutes"}] * 2),
        (1, [(0, {"door": "open"}), (4, {"door": "closed"})], 1, []),
        (
            1,
            [(0, {"door": "open"})],
            1,
            [{"alarm": "the door is open", "since": "2026-11-23T08:05:00.000Z"}],
        ),
        (
            2,
            [(0, {"filter": "full"}), (150, {"filter": "new"})],
            5,
            [{"alarm": "the filter is still full"}] * 2,
        ),
        (
            3,
            [(0, {"parts": 3}), (600, {"parts": 4}), (900, {"parts": 5})],
            24,
            [
                {"parts": 7, "until": "2026-11-23T22:00:00.000Z"},
                {"parts": 5, "until": "2026-11-24T22:00:00.000Z"},
            ],
        ),
    ],
)
def test_a_logic_on_the_page_does_what_the_page_says(
    place: int, readings: list[tuple[int, Any]], hours: int, results: list[Any]
) -> None:
    """Each reading has the minute in which it is received. It runs on for some hours after the last."""
    times = [START + MINUTE * minute for minute, _ in readings]
    metas = [json.dumps({"received": _text(time)}).encode() for time in times]
    bodies = [json.dumps(data).encode() for _, data in readings]
    with Sandbox() as sandbox:
        logic = Logic.of(examples()[place])
        until = times[-1] + HOUR * hours
        job = Job(logic, b"{}", bodies, metas=metas, times=times, until=until, exact=True)
        [report] = sandbox.run([job])

    assert [each.failure for each in report.outcomes if each.failure] == []
    assert [json.loads(each) for outcome in report.outcomes for each in outcome.results] == results


def _text(milliseconds: int) -> str:
    return (
        datetime.fromtimestamp(milliseconds / 1000, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )
