"""Children that lie, send garbage or stop answering: the parent continues, and blames the right logic."""

import select
import time

import pytest

from sandbox.errors import SandboxUnavailable
from sandbox.job import Job, Logic, Outcome
from sandbox.limits import Limits
from sandbox.parent.deadline import Deadline
from sandbox.parent.process import ChildProcess
from sandbox.parent.sandbox import Sandbox
from sandbox.protocol.frames import Request
from tests.sandbox.stub_child import DEEDS, DRIPPING_START, LIES, SLOW_READER
from tests.sandbox.unguarded import ROOT, Unguarded

LIMITS = Limits(soft_seconds=0.05, hard_seconds=0.1, check_seconds=0.1)

#: The cause of loss of each misbehaviour; a child with an impossible answer is a liar.
CAUSES = {
    "half a frame": "hard_seconds",
    "half a header": "hard_seconds",
    "a byte now and then": "hard_seconds",
    "a byte now and then, with progress": "hard_seconds",
    "an answer byte by byte": "hard_seconds",
    "parts without the last one": "hard_seconds",
    "progress that is slow": "hard_seconds",
    "a start again and again": "hard_seconds",
    "silence": "hard_seconds",
    "a loop": "hard_seconds",
    "an end": "died",
    "a closed door": "died",
    "killed from outside": "killed-from-outside",
}


def stub_boot(name: str) -> str:
    return (
        f"import sys; sys.path += [*sys.argv[1:], {ROOT!r}]; "
        f"from tests.sandbox.stub_child import main; main({name!r})"
    )


def stub(name: str) -> Sandbox:
    """A sandbox whose children answer in this way."""

    class Stub(Sandbox):
        _boot = stub_boot(name)

    return Stub(LIMITS)


def jobs(*readings: bytes) -> list[Job]:
    """Return a job for each reading, each with its own logic."""
    return [
        Job(Logic.of(f"def process(data, state): pass  # {number}"), b"{}", [reading])
        for number, reading in enumerate(readings)
    ]


@pytest.mark.parametrize("name", [*LIES, *DEEDS])
def test_the_reading_behind_an_invalid_answer_is_found_and_the_others_run(name: str) -> None:
    with stub(name) as sandbox:
        reports = sandbox.run(jobs(b"1", b'"poison"', b"3"))

        assert [report.state for report in reports] == [b"{}"] * 3
        outcomes = [outcome for report in reports for outcome in report.outcomes]
        assert [outcome.kind for outcome in outcomes] == ["ok", "limit", "ok"]
        assert [outcome.killed for outcome in outcomes] == [False, True, False]
        assert {cause for cause, count in sandbox.losses.items() if count} == {CAUSES.get(name, "lied")}
        assert sandbox.run(jobs(b"1"))[0].outcomes == [Outcome("ok")]


@pytest.mark.parametrize("name", ["4 GB", "half a frame", "an end"])
def test_a_run_ends_even_if_every_child_always_misbehaves(name: str) -> None:
    with stub(name) as sandbox:
        [report] = sandbox.run([Job(Logic.of(""), b"{}", [b'"poison"'] * 10)])
    assert [outcome.kind for outcome in report.outcomes] == ["limit"] * 3 + ["quarantined"] * 7


def test_a_child_that_reads_byte_by_byte_holds_nobody() -> None:
    """The request is longer than what the kernel keeps for a reader, so the parent has to wait for room."""
    with stub(SLOW_READER) as sandbox:
        [report] = sandbox.run([Job(Logic.of(""), b"{}", [b'"' + b"a" * 200_000 + b'"'] * 4)])
        assert sandbox.losses["hard_seconds"] == sandbox.restarts
    assert {outcome.kind for outcome in report.outcomes} <= {"limit", "quarantined"}


def test_a_child_that_never_ends_its_first_message_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.parent.process.START_SECONDS", 1.0)
    with pytest.raises(SandboxUnavailable, match="did not answer within 1 s"):
        stub(DRIPPING_START)


def test_a_successor_that_never_ends_its_first_message_delays_no_batch() -> None:
    with stub("silence") as sandbox:
        successor = ChildProcess(LIMITS, stub_boot(DRIPPING_START), allow_unconfined=False)
        try:
            assert select.select([successor._socket], [], [], 60)[0]
            assert not successor.ready(wait=False)
            assert not successor.ready(wait=False)
        finally:
            successor.end()
        assert sandbox.run(jobs(b"1"))[0].outcomes == [Outcome("ok")]


def test_a_source_with_an_invalid_check_result_is_refused() -> None:
    with stub("silence") as sandbox:
        checked = sandbox.check("def process(data, state): pass")
        assert sandbox.losses["lied"] == sandbox.restarts == 2
    assert not checked.accepted
    assert checked.problems


def escaped(source: str) -> Logic:
    """A logic that has escaped the guards, and writes to the parent itself if its reading is "poison"."""
    return Logic.of(
        "import ctypes, itertools, struct, sys\n"
        "libc = ctypes.CDLL(None)\n"
        "def say(frame): libc.send(0, frame, len(frame), 0)\n"
        "def finish(count):\n"
        "    frame = sys._getframe()\n"
        "    while 'words' not in frame.f_locals: frame = frame.f_back\n"
        "    frame.f_locals['words'][0] += count\n"
        "def process(data, state):\n"
        "    state['n'] = state.get('n', 0) + 1\n"
        f"    if data == 'poison': {source}\n"
        "    return {'n': state['n']}\n"
    )


@pytest.mark.parametrize(
    "source",
    [
        "say(b'\\xff' * 8)",
        "say(struct.pack('>I', 3) + b'\\xc1\\xc1\\xc1')",
        "say(struct.pack('>I', 1000) + b'half')",
        "[say(bytes(65536)) for _ in iter(int, 1)]",
        "[0 for _ in iter(int, 1)]",
        "ctypes.string_at(0)",
        "[finish(1) for _ in iter(int, 1)]",
        "[sum(range(100_000)) and finish(1) for _ in iter(int, 1)]",
        "[sum(range(100_000)) and finish(sign) for sign in itertools.cycle([1, -1])]",
        "say(struct.pack('>I', 1_000_000)); [say(b'x') or finish(1) for _ in iter(int, 1)]",
        "say(struct.pack('>I', 1_000_000)); [say(b'x') for _ in iter(int, 1)]",
    ],
)
def test_a_logic_that_answers_for_its_child_harms_only_its_own_reading(source: str) -> None:
    logic = escaped(source)
    with Unguarded(LIMITS) as sandbox:
        reports = sandbox.run(
            [Job(logic, b"{}", [b"1", b"2"]), Job(logic, b'{"n":5}', [b"1", b'"poison"', b"1"])]
        )
    assert [report.state for report in reports] == [b'{"n":2}', b'{"n":7}']
    kinds = [outcome.kind for report in reports for outcome in report.outcomes]
    assert kinds == ["ok", "ok", "ok", "limit", "ok"]
    assert [outcome.results for outcome in reports[1].outcomes] == [[b'{"n":6}'], [], [b'{"n":7}']]


def test_messages_of_a_child_are_shortened_and_escaped() -> None:
    logic = Logic.of("def process(data, state): raise ValueError('\\x1b[2J\\u202e\\r\\n\\0' + 'a' * 10_000)")
    with Unguarded(LIMITS) as sandbox:
        [report] = sandbox.run([Job(logic, b"{}", [b"1"])])
    [outcome] = report.outcomes
    assert outcome.kind == "error"
    assert outcome.failure
    assert outcome.failure.message.isprintable()
    assert 400 < len(outcome.failure.message) <= 500


def test_a_childs_last_message_is_bounded_and_delays_nobody(caplog: pytest.LogCaptureFixture) -> None:
    logic = Logic.of(
        "import os\n"
        "def process(data, state):\n"
        "    for _ in range(1000):\n"
        "        try: os.write(2, b'\\x1b[2Jaaaaaaa' * 1000)\n"
        "        except BlockingIOError: pass\n"
        "    os._exit(1)\n"
    )
    with Unguarded(Limits()) as sandbox:
        [report] = sandbox.run([Job(logic, b"{}", [b"1"])])
    assert report.outcomes[0].killed
    [said] = [record.getMessage() for record in caplog.records]
    assert "aaaaaaa" in said
    assert len(said) < 2_500
    assert said.isprintable()


def test_a_forged_progress_cannot_name_a_reading_of_another_batch() -> None:
    """Even if the shared memory contains arbitrary bytes, each reading has one outcome and the run ends."""
    logic = Logic.of(
        "import os, sys\n"
        "def process(data, state):\n"
        "    if data == 'poison':\n"
        "        frame = sys._getframe()\n"
        "        while 'words' not in frame.f_locals: frame = frame.f_back\n"
        "        frame.f_locals['words'][0] = 2 ** 64 - 1\n"
        "        os._exit(0)\n"
        "    return {'data': data}\n"
    )
    with Unguarded(LIMITS) as sandbox:
        for _ in range(2):
            reports = sandbox.run([Job(logic, b"{}", [b"1"]), Job(logic, b"{}", [b'"poison"', b"2"])])
            kinds = [outcome.kind for report in reports for outcome in report.outcomes]
            assert kinds == ["ok", "limit", "ok"]


def test_a_run_left_by_an_exception_leaves_no_answer_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    logic = Logic.of("def process(data, state): return {'data': data}")
    with Unguarded(Limits()) as sandbox:
        sent = sandbox._children.serving.process.send

        def interrupted(request: Request, deadline: Deadline) -> None:
            sent(request, deadline)
            time.sleep(0.1)
            raise KeyboardInterrupt

        monkeypatch.setattr(sandbox._children.serving.process, "send", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sandbox.run([Job(logic, b"{}", [b'"of the first"'])])
        [report] = sandbox.run([Job(logic, b"{}", [b'"of the second"'])])
    assert report.outcomes[0].results == [b'{"data":"of the second"}']
