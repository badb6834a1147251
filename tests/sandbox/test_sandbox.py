"""The handle of the sandbox: batches, kills, replacement, recycling, and how everything ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.errors import SandboxUnavailable
from sandbox.job import Checked, Job, Logic, Report
from sandbox.limits import Limits
from sandbox.parent.sandbox import Sandbox
from sandbox.protocol.frames import BEYOND_READING
from tests.sandbox.unguarded import ROOT, Unguarded

COUNT = Logic.of(
    "def process(data, state):\n"
    "    state['count'] = state.get('count', 0) + 1\n"
    "    if data == 'fail':\n"
    "        raise ValueError('asked for')\n"
    "    return {'count': state['count'], 'data': data}\n"
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def test_readings_run_in_order_from_the_state_they_are_given(sandbox: Sandbox) -> None:
    [report] = sandbox.run([Job(COUNT, b'{"count":40}', [b'"a"', b'"fail"', b"{", b'"b"'])])
    assert report.state == b'{"count":42}'
    assert [outcome.kind for outcome in report.outcomes] == ["ok", "error", "not-json", "ok"]
    assert [outcome.results for outcome in report.outcomes] == [
        [b'{"count":41,"data":"a"}'],
        [],
        [],
        [b'{"count":42,"data":"b"}'],
    ]
    failure = report.outcomes[1].failure
    assert failure
    assert (failure.line, failure.text) == (4, "raise ValueError('asked for')")
    assert report.outcomes[0].fuel > 0


def test_an_empty_batch_has_no_outcomes(sandbox: Sandbox) -> None:
    assert sandbox.run([]) == []
    assert sandbox.run([Job(COUNT, b'{"a":1}', [])] * 2) == [Report(b'{"a":1}', [])] * 2


def test_a_source_is_checked_and_its_compiled_code_runs(sandbox: Sandbox) -> None:
    checked = sandbox.check(COUNT.source)
    assert checked.accepted
    compiled = Logic(COUNT.digest + " compiled", COUNT.source, checked.code)
    assert sandbox.run([Job(compiled, b"{}", [b"1"])]) == sandbox.run([Job(COUNT, b"{}", [b"1"])])


@pytest.mark.parametrize(
    "source",
    [
        "",
        "import os",
        "def process(",
        "\ud800",
        "\0",
        b"\xff\xfe",
        "#" * 2_000_000,
        "(" * 100_000,
        "-" * 100_000,
    ],
)
def test_any_malformed_source_is_refused(sandbox: Sandbox, source: str | bytes) -> None:
    checked = sandbox.check(source)
    assert not checked.accepted
    assert checked.problems
    assert checked.code is None
    if isinstance(source, str):
        [report] = sandbox.run([Job(Logic.of(source), b"{}", [b"1", b"2"])])
        assert [outcome.kind for outcome in report.outcomes] == ["refused", "refused"]


def test_the_list_of_problems_of_a_source_is_bounded(sandbox: Sandbox) -> None:
    checked = sandbox.check("\n".join(["import os"] * 2_000))
    assert 1 < len(checked.problems) <= 100


@pytest.mark.parametrize("state", [b"", b"{", b"[]", b"null", b'{"a": "\xff"}', b"[" * 10_000])
def test_an_invalid_state_is_reported_and_stays(sandbox: Sandbox, state: bytes) -> None:
    [report] = sandbox.run([Job(COUNT, state, [b"1"])])
    assert report.state == state
    assert report.outcomes[0].kind == "error"


def test_values_may_be_nested_as_deeply_as_the_limit_says(sandbox: Sandbox) -> None:
    logic = Logic.of("def process(data, state):\n    state['v'] = data\n    return {'v': data}")
    deepest = sandbox.limits.value_depth - 1
    readings = [b"[" * depth + b'"[{' + b"[" * 50 + b'"' + b"]" * depth for depth in (deepest, deepest + 1)]
    [report] = sandbox.run([Job(logic, b"{}", readings)])
    assert [outcome.kind for outcome in report.outcomes] == ["ok", "limit"]
    assert report.outcomes[0].results == [report.state]
    assert sandbox.restarts == 0


def test_a_reading_that_is_too_large_is_not_run_and_delays_nobody(sandbox: Sandbox) -> None:
    large = b'"' + b"a" * 20_000_000 + b'"'
    [report] = sandbox.run([Job(COUNT, b"{}", [b"1", large, b"2"])])
    assert [outcome.kind for outcome in report.outcomes] == ["ok", "not-json", "ok"]


def test_a_batch_may_be_larger_than_a_request_or_an_answer(sandbox: Sandbox) -> None:
    text = b'"' + b"a" * 30_000 + b'"'
    [report, other] = sandbox.run([Job(COUNT, b"{}", [text] * 200), Job(COUNT, b"{}", [b"1"])])
    assert report.state == b'{"count":200}'
    assert [msgspec.json.decode(outcome.results[0])["count"] for outcome in report.outcomes] == list(
        range(1, 201)
    )
    assert other.state == b'{"count":1}'


def test_a_child_keeps_a_limited_amount_of_logics_and_any_number_can_be_used() -> None:
    filling = f"#{'-' * 1_900}\n" * 16  # 30 KB, so that 140 of these logics fill a child
    logics = [
        Logic.of(f"{filling}def process(data, state): return {{'logic': {number}}}") for number in range(200)
    ]
    with Sandbox(Limits(programs_bytes=4 << 20)) as sandbox:
        for order in (logics, logics[::-1], logics[::2] * 2):
            reports = sandbox.run([Job(logic, b"{}", [b"1"]) for logic in order])
            expected = [b'{"logic":%d}' % logics.index(logic) for logic in order]
            assert [report.outcomes[0].results for report in reports] == [[text] for text in expected]
            assert 100 < len(sandbox._children.serving.held) < 140
        assert sandbox.restarts == 0


def test_many_logics_with_much_code_exceed_neither_a_request_nor_the_memory_of_the_child() -> None:
    lines = "".join(f" a = 'a text of some length, number {number}'\n" for number in range(600))
    source = f"def process(data, state):\n{lines} return {{}}\n"
    with Sandbox() as sandbox:
        code = sandbox.check(source).code
        assert code
        together = 128 << 20
        count = together // (len(source) + len(code))
        logics = [Logic(str(number), source, code) for number in range(count)]
        reports = sandbox.run([Job(logic, b"{}", [b"1"]) for logic in logics])
        assert {report.outcomes[0].kind for report in reports} == {"ok"}
        assert sandbox.restarts == 0


def test_code_over_its_limit_is_compiled_again() -> None:
    with Sandbox() as sandbox:
        too_large = Logic(COUNT.digest, COUNT.source, bytes(100 << 20))
        [report] = sandbox.run([Job(too_large, b"{}", [b"1"])])
        assert report.outcomes[0].kind == "ok"
        assert sandbox.restarts == 0


def test_a_state_that_no_request_can_carry_is_an_outcome(sandbox: Sandbox) -> None:
    most = sandbox.limits.state_bytes + sandbox.limits.config_bytes + BEYOND_READING - len(b"{}")
    largest, too_large = (b'{"a":"%s"}' % (b"a" * (most - 8 + more)) for more in (0, 1))
    restarts = sandbox.restarts
    reports = sandbox.run(
        [Job(COUNT, b"{}", [b"1"]), Job(COUNT, largest, [b"1"]), Job(COUNT, too_large, [b"1"] * 2)]
    )
    assert [report.state for report in reports[1:]] == [largest, too_large]
    for outcome in (*reports[1].outcomes, *reports[2].outcomes):
        assert outcome.kind == "limit"
        assert outcome.failure
        assert outcome.failure.limit == "state_bytes"
        assert not outcome.killed
    assert "reset the state" in str(reports[2].outcomes[1].failure)
    assert reports[0].outcomes[0].kind == "ok"
    assert sandbox.restarts == restarts


def test_two_machines_that_alternate_in_one_child_find_nothing_of_each_other(sandbox: Sandbox) -> None:
    def logic(mine: str) -> Logic:
        return Logic.of(
            "import math, json\n"
            "def process(data, state):\n"
            f"    seen = json.dumps([data, state])\n"
            f"    state['own'] = '{mine}' + str(data['n'])\n"
            f"    state['all'] = state.get('all', []) + [data]\n"
            f"    data['left'] = '{mine}'\n"
            "    return {'seen': seen}\n"
        )

    mine, yours = logic("mine"), logic("yours")
    states = {mine.digest: b"{}", yours.digest: b"{}"}
    for number in range(500):
        order = [mine, yours] if number % 3 else [yours, mine]
        reports = sandbox.run(
            [Job(each, states[each.digest], [b'{"n":%d}' % (number % 10)]) for each in order]
        )
        for each, report in zip(order, reports, strict=True):
            [outcome] = report.outcomes
            assert outcome.kind == "ok"
            other = b"yours" if each is mine else b"mine"
            assert other not in report.state
            assert other not in outcome.results[0]
            states[each.digest] = report.state if number % 20 else b"{}"


@pytest.mark.parametrize("place", [0, 50, 99])
@pytest.mark.parametrize("poison", ["os._exit(1)", "ctypes.string_at(0)", "sum(iter(int, 1))", "libc.fork()"])
def test_a_reading_that_kills_the_child_fails_alone(place: int, poison: str) -> None:
    logic = Logic.of(
        "import ctypes, os\n"
        "libc = ctypes.CDLL(None)\n"
        "def process(data, state):\n"
        f"    if data == 'poison': {poison}\n"
        "    state['count'] = state.get('count', 0) + 1\n"
        "    return {'count': state['count'], 'data': data}\n"
    )
    readings = [b'"poison"' if number == place else b"%d" % number for number in range(100)]
    with Unguarded(Limits(hard_seconds=0.2)) as sandbox:
        [alone] = sandbox.run([Job(logic, b"{}", readings)])
        split = sandbox.run([Job(logic, b'{"count":10}', [reading]) for reading in readings])

    assert alone.state == b'{"count":99}'
    counts = iter(range(1, 100))
    for number, outcome in enumerate(alone.outcomes):
        if number == place:
            assert (outcome.kind, outcome.killed, outcome.results) == ("limit", True, [])
        else:
            assert (outcome.kind, outcome.results) == (
                "ok",
                [b'{"count":%d,"data":%d}' % (next(counts), number)],
            )
    assert [report.state for report in split] == [
        b'{"count":10}' if number == place else b'{"count":11}' for number in range(100)
    ]
    assert [report.outcomes[0].killed for report in split] == [number == place for number in range(100)]


def test_a_logic_that_is_killed_repeatedly_is_left_out_of_the_rest_of_the_batch() -> None:
    poison = Logic.of("import os\ndef process(data, state): os._exit(1)")
    good = Logic.of("def process(data, state): return {}")
    with Unguarded() as sandbox:
        reports = sandbox.run(
            [Job(poison, b"{}", [b"1"] * 2), Job(good, b"{}", [b"1"]), Job(poison, b"{}", [b"1"] * 20)]
        )
        assert sandbox.restarts == 3
    kinds = [[outcome.kind for outcome in report.outcomes] for report in reports]
    assert kinds == [["limit"] * 2, ["ok"], ["limit"] + ["quarantined"] * 19]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
READINGS = st.lists(JSON.map(msgspec.json.encode) | st.binary(max_size=8) | st.just(b'"fail"'), max_size=8)
LAST = Logic.of(
    "def process(data, state):\n"
    "    last = state.get('last')\n"
    "    state['last'] = data\n"
    "    return [{'last': last}, {'now': data}] if last != data else None\n"
)
JOBS = st.lists(
    st.builds(
        Job,
        st.sampled_from([COUNT, LAST, Logic.of("import os")]),
        st.dictionaries(st.text(max_size=3), JSON, max_size=2).map(msgspec.json.encode),
        READINGS,
    ),
    max_size=6,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(jobs=JOBS)
def test_a_batch_gives_the_same_as_its_readings_one_by_one(sandbox: Sandbox, jobs: list[Job]) -> None:
    together = sandbox.run(jobs)
    one_by_one = []
    for job in jobs:
        state, outcomes = job.state, []
        for reading in job.readings:
            [report] = sandbox.run([Job(job.logic, state, [reading])])
            state = report.state
            outcomes += report.outcomes
        one_by_one.append(Report(state, outcomes))
    assert together == one_by_one


def test_a_child_that_is_killed_from_outside_while_idle_is_replaced() -> None:
    with Sandbox() as sandbox:
        os.kill(sandbox.pid, signal.SIGKILL)
        [report] = sandbox.run([Job(COUNT, b"{}", [b"1"])])
        assert report.outcomes[0].kind == "ok"
        assert sandbox.restarts == 1


def test_a_child_that_is_killed_from_outside_at_work_fails_no_reading() -> None:
    logic = Logic.of(
        "import time\n"
        "def process(data, state):\n"
        "    until = time.process_time() + 0.3\n"
        "    while time.process_time() < until: pass\n"
        "    return {'data': data}\n"
    )
    with Unguarded(Limits(soft_seconds=50, hard_seconds=60)) as sandbox, ThreadPoolExecutor(1) as pool:
        running = pool.submit(sandbox.run, [Job(logic, b"{}", [b"1", b"2"])])
        time.sleep(0.1)
        os.kill(sandbox.pid, signal.SIGKILL)
        [report] = running.result()
        assert [outcome.results for outcome in report.outcomes] == [[b'{"data":1}'], [b'{"data":2}']]
        assert sandbox.restarts == 1


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1]
)
def test_a_child_ignores_signals_that_ask_it_to_end(sandbox: Sandbox, number: int) -> None:
    pid = sandbox.pid
    os.kill(pid, number)
    assert sandbox.run([Job(COUNT, b"{}", [b"1"])])[0].outcomes[0].kind == "ok"
    assert sandbox.pid == pid


def test_a_child_is_replaced_after_a_number_of_batches_and_no_batch_waits_for_it() -> None:
    with Sandbox(Limits(batches_per_child=5)) as sandbox:
        pids = list[int]()
        while len(set(pids)) < 3:
            assert sandbox.run([Job(COUNT, b"{}", [b"1"])])[0].outcomes[0].kind == "ok"
            pids.append(sandbox.pid)
            time.sleep(0.01)
        assert pids[:5] == [pids[0]] * 5
        assert sandbox.restarts == 0
        assert not any(psutil.pid_exists(pid) for pid in set(pids) - {sandbox.pid})


def test_closing_ends_the_child_and_may_be_repeated() -> None:
    sandbox = Sandbox()
    pid = sandbox.pid
    sandbox.close()
    sandbox.close()
    assert not psutil.pid_exists(pid)


def test_a_closed_sandbox_starts_nothing_new() -> None:
    sandbox = Sandbox()
    sandbox.close()
    with pytest.raises(RuntimeError, match="closed"):
        sandbox.run([Job(COUNT, b"{}", [b"1"])])
    with pytest.raises(RuntimeError, match="closed"):
        sandbox.check("")


def test_a_forgotten_sandbox_ends_its_child() -> None:
    sandbox = Sandbox()
    pid = sandbox.pid
    del sandbox
    assert not psutil.pid_exists(pid)


def test_a_sandbox_outlives_the_thread_that_made_it() -> None:
    with ThreadPoolExecutor(1) as pool:
        sandbox = pool.submit(Sandbox).result()
    pid = sandbox.pid
    with sandbox:
        assert sandbox.run([Job(COUNT, b"{}", [b"1"])])[0].outcomes[0].kind == "ok"
        assert sandbox.pid == pid


def test_a_second_thread_at_the_same_time_gets_an_error(sandbox: Sandbox) -> None:
    def use() -> Checked:
        return sandbox.check("")

    with sandbox._exchange(), ThreadPoolExecutor(1) as pool, pytest.raises(RuntimeError):
        pool.submit(use).result()
    assert not use().accepted


def test_a_child_does_not_outlive_its_parent() -> None:
    script = "from sandbox import sandbox; print(sandbox.Sandbox().pid); import time; s = 1; time.sleep(60)"
    script = (
        "import sys, time\n"
        "from sandbox.parent.sandbox import Sandbox\n"
        "sandbox = Sandbox()\n"
        "print(sandbox.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        child.wait(timeout=30)


def test_after_a_fork_both_processes_have_their_own_child() -> None:
    script = (
        "import os, sys\n"
        "from sandbox.parent.sandbox import Sandbox\n"
        "from sandbox.job import Job, Logic\n"
        "job = Job(Logic.of('def process(data, state): return {}'), b'{}', [b'1'])\n"
        "with Sandbox() as sandbox:\n"
        "    pid = sandbox.pid\n"
        "    forked = os.fork()\n"
        "    assert sandbox.run([job])[0].outcomes[0].kind == 'ok'\n"
        "    assert (sandbox.pid == pid) == bool(forked)\n"
        "    if not forked: sandbox.close(); os._exit(7)\n"
        "    assert os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1]) == 7\n"
        "    assert sandbox.run([job])[0].outcomes[0].kind == 'ok'\n"
        "    assert (sandbox.pid, sandbox.restarts) == (pid, 0)\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=60)


def test_a_sandbox_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = type("Broken", (Sandbox,), {"_boot": "raise ImportError('\\x1b nothing is there')"})
    with pytest.raises(SandboxUnavailable, match="nothing is there"):
        broken()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(SandboxUnavailable, match="No such file"):
        Sandbox()
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(SandboxUnavailable, match=r"sys\.executable"):
        Sandbox()


def test_no_descriptor_or_thread_is_left_over() -> None:
    Sandbox().close()
    descriptors, threads = psutil.Process().num_fds(), threading.active_count()
    for _ in range(3):
        with Unguarded() as other:
            other.run([Job(Logic.of("import os\ndef process(data, state): os._exit(1)"), b"{}", [b"1"])])
    assert psutil.Process().num_fds() == descriptors
    assert threading.active_count() == threads
