"""What one request carries and how long it may take, and which logics a child keeps for the next one."""

import os
from collections.abc import Iterator
from weakref import WeakSet

import pytest

from sandbox.child.runner import Runner
from sandbox.job import Job, Logic
from sandbox.limits import Limits
from sandbox.parent.batch import JobBatch
from sandbox.protocol.frames import Load, Part, Reply, Task, Work
from sandbox.protocol.progress import ProgressReader, ProgressWriter
from tests.sandbox.test_misbehaviour import stub
from tests.sandbox.unguarded import PlainProgram, Unguarded

EMPTY = b"def process(data, state): return {}"


@pytest.fixture
def progress() -> Iterator[ProgressWriter]:
    reader = ProgressReader()
    yield ProgressWriter(os.dup(reader.descriptor))
    reader.release()
    reader.close()


def test_a_child_drops_programs_that_it_compiled_if_they_become_too_large(progress: ProgressWriter) -> None:
    loaded = WeakSet[PlainProgram]()

    class Heavy(PlainProgram):
        held_bytes = 1 << 20

        def __init__(self, logic: Logic, limits: Limits) -> None:
            super().__init__(logic, limits)
            loaded.add(self)

    replies = list[Reply]()
    limits = Limits(programs_bytes=4 << 20)
    runner = Runner(limits, progress, replies.append, Heavy)
    for place in range(20):
        runner.work(Work([], [Load(place, str(place), EMPTY, None)], [Task(place, b"{}", [b"1"], 1.0)]))
        assert len(loaded) <= 4

    again = [Task(place, b"{}", [b"1"], 1.0) for place in range(20)]
    runner.work(Work([], [], again))
    assert len(loaded) <= 4
    assert all(isinstance(reply, Part) for reply in replies)

    runner.work(Work(list(range(20)), [], []))
    assert len(loaded) == 0


def test_the_time_of_a_request_follows_from_the_logics_and_readings_in_it() -> None:
    limits = Limits(batch_seconds=10, hard_seconds=1)
    one, two = Logic.of("one"), Logic.of("two")

    def seconds(*jobs: Job) -> float:
        readings = sum(len(job.readings) for job in jobs)
        return JobBatch(jobs, limits).seconds({job.logic.digest for job in jobs}, readings)

    assert seconds(Job(one, b"{}", [b"1"])) == 1 + 1
    assert seconds(Job(one, b"{}", [b"1"] * 10)) == 10 + 1
    assert seconds(Job(one, b"{}", [b"1"] * 1_000)) == 11 + 1
    assert seconds(*[Job(one, b"{}", [b"1"] * 10)] * 100) == 11 + 1
    assert seconds(Job(one, b"{}", [b"1"] * 1_000), Job(two, b"{}", [b"1"] * 1_000)) == 22 + 1


def test_no_claim_extends_the_time_of_a_request(caplog: pytest.LogCaptureFixture) -> None:
    """A logic that has escaped claims to have finished a reading again and again, always in time."""
    logic = Logic.of(
        "import sys\n"
        "def spin():\n"
        "    while True: pass\n"
        "def process(data, state):\n"
        "    if data != 'poison': return {}\n"
        "    frame = sys._getframe()\n"
        "    while 'words' not in frame.f_locals: frame = frame.f_back\n"
        "    words = frame.f_locals['words']\n"
        "    ticks = 0\n"
        "    while True:\n"
        "        try: spin()\n"
        "        except BaseException:\n"
        "            ticks += 1\n"
        "            if ticks % 2 == 0: words[0] += 1\n"
    )
    limits = Limits(batch_seconds=0.3, soft_seconds=0.1, hard_seconds=0.2)
    with Unguarded(limits) as sandbox:
        reports = sandbox.run([Job(logic, b"{}", [b'"poison"', *[b"1"] * 100])])
    assert "for one request" in caplog.messages[0]
    assert [outcome.kind for outcome in reports[0].outcomes] == ["limit", *["ok"] * 100]


def test_a_child_that_claims_progress_and_uses_no_time_is_not_waited_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with stub("progress that is slow") as sandbox:
        [report] = sandbox.run([Job(Logic.of(""), b"{}", [b'"poison"', *[b"1"] * 20])])
    assert "for one request" in caplog.messages[0]
    assert [outcome.kind for outcome in report.outcomes] == ["limit", *["ok"] * 20]
