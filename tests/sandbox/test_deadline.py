"""The soft deadline of a reading, and the time of a logic in a batch: no logic gets around them."""

from collections.abc import Iterator

import pytest

from sandbox.child.program import Program
from sandbox.errors import LimitExceeded
from sandbox.job import EXHAUSTIONS, Job, Logic, Outcome
from sandbox.limits import Limits
from sandbox.parent.sandbox import Sandbox
from sandbox.runtime.meter import breach_of
from sandbox.runtime.runtime import Runtime
from tests.sandbox.running import process
from tests.sandbox.unguarded import Unguarded

#: With so much fuel and size, only time stops a logic; the parent leaves it to the child.
PATIENT = {"fuel": 10**12, "list_items": 10**7, "result_bytes": 1 << 26, "hard_seconds": 30.0}
LIMITS = Limits(soft_seconds=0.05, **PATIENT)  # type: ignore[arg-type]

#: The ways to be slow; `endless()` is a loop that does not end.
SLOW = {
    "a loop": """
endless()
""",
    "an error from finally": """
try:
    try:
        endless()
    finally:
        [][0]
except IndexError:
    pass
""",
    "an error from each finally": """
try:
    try:
        try:
            endless()
        finally:
            [][0]
    finally:
        {}["a"]
except Exception:
    pass
""",
    "an error from finally that nothing catches": """
try:
    endless()
finally:
    [][0]
""",
    "StopIteration from finally": """
try:
    try:
        endless()
    finally:
        raise StopIteration()
except Exception:
    pass
""",
    "another limit from finally": """
try:
    endless()
finally:
    x = 1 << 100000
""",
    "recursion from finally": """
def deeper():
    return deeper()
try:
    try:
        endless()
    finally:
        deeper()
except Exception:
    pass
""",
    "the same again and again": """
for _ in range(10000):
    try:
        try:
            endless()
        finally:
            [][0]
    except IndexError:
        pass
""",
    "a loop while an error is handled": """
try:
    [][0]
except IndexError:
    endless()
""",
    "many errors": """
while True:
    try:
        [][0]
    except IndexError:
        pass
""",
    "a key of sorted": "sorted([1, 2], key=lambda x: endless())",
    "a key of max": "max([1, 2], key=lambda x: endless())",
    "a function of map": "list(map(lambda x: endless(), [1]))",
    "a generator": "any(endless() for x in [1])",
    "a comprehension": "[endless() for x in [1]]",
    "an argument": "{}.get(1, endless())",
    "deep calls": """
def down(n):
    return down(n - 1) if n else endless()
down(150)
""",
    "encoding the result": "return {'r': [1, 'a'] * 3000000}",
}


def logic(body: str) -> Logic:
    slow = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return Logic.of(
        "def endless():\n    while True:\n        pass\n\n"
        f"def slow():\n{slow}\n"
        "def process(data, state):\n"
        "    state['n'] = state.get('n', 0) + 1\n"
        "    if data == 'slow':\n        return slow()\n"
        "    return {'n': state['n']}\n"
    )


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(LIMITS) as sandbox:
        yield sandbox


@pytest.mark.parametrize("name", SLOW)
def test_a_reading_past_the_deadline_is_over_the_limit_whatever_the_logic_does(
    sandbox: Sandbox, name: str
) -> None:
    each = logic(SLOW[name])
    assert sandbox.check(each.source).accepted

    [report] = sandbox.run([Job(each, b"{}", [b"1", b'"slow"', b"1"])])

    assert [outcome.kind for outcome in report.outcomes] == ["ok", "limit", "ok"]
    stopped = report.outcomes[1]
    assert stopped.failure
    assert stopped.failure.limit == "soft_seconds"
    assert stopped.failure.allowed == LIMITS.soft_seconds
    assert stopped.exhausted
    assert not stopped.killed
    assert report.state == b'{"n":2}'
    assert sandbox.restarts == 0


def test_a_reading_past_the_deadline_is_over_the_limit_at_any_depth_of_calls(sandbox: Sandbox) -> None:
    """At the greatest depth, Python cannot call the handler of the timer."""
    down = "def down(n):\n    return down(n - 1) if n else endless()\ndown({})"
    jobs = [Job(logic(down.format(depth)), b"{}", [b'"slow"']) for depth in range(226, 234)]

    failures = [report.outcomes[0].failure for report in sandbox.run(jobs)]

    limits = [failure.limit for failure in failures if failure]
    assert len(limits) == len(jobs)
    assert limits[0] == "soft_seconds"
    assert limits[-1] == "recursion"
    assert set(limits) == {"soft_seconds", "recursion"}
    assert sandbox.restarts == 0


#: The ways to lose an exception that a signal handler raises, in plain Python. A logic cannot write them, but
#: the C code that it uses could do the same. `spin()` takes 0.15 seconds of processor time.
SWALLOWED = {
    "except BaseException": """
try:
    spin()
except BaseException:
    pass
""",
    "a finalizer": """
class A:
    def __del__(self):
        spin()
A()
""",
    "a callback of a weak reference": """
class A:
    pass
a = A()
reference = weakref.ref(a, lambda _: spin())
del a
""",
    "closing a generator": """
def numbers():
    try:
        yield
    finally:
        spin()
each = numbers()
next(each)
del each
""",
    "a callback of the garbage collector": """
gc.callbacks.append(lambda phase, info: spin())
gc.collect()
gc.callbacks.pop()
""",
    "calls as deep as possible, where no handler can run": """
def down():
    try:
        down()
    except RecursionError:
        n = 0
        while n < 10_000_000:
            try:
                while n < 10_000_000:
                    n += 1
            except BaseException:
                pass
down()
""",
    "one long call in C": "sum(range(10_000_000))",
    "one long operation in C": "10_000_000 in map(int, range(10_000_000))",
}


@pytest.mark.parametrize("name", SWALLOWED)
def test_a_deadline_that_is_swallowed_still_counts(name: str) -> None:
    body = "".join(f"        {line}\n" for line in SWALLOWED[name].strip().splitlines())
    each = Logic.of(
        "import gc, time, weakref\n"
        "def spin():\n"
        "    until = time.process_time() + 0.15\n"
        "    while time.process_time() < until: pass\n"
        "def process(data, state):\n"
        f"    if data == 'slow':\n{body}\n"
        "    return {}\n"
    )
    with Unguarded(LIMITS) as sandbox:
        [report] = sandbox.run([Job(each, b"{}", [b"1", b'"slow"', b"1"])])
        assert sandbox.restarts == 0
    assert [outcome.kind for outcome in report.outcomes] == ["ok", "limit", "ok"]
    assert report.outcomes[1].failure
    assert report.outcomes[1].failure.limit == "soft_seconds"
    assert report.outcomes[1].results == []


@pytest.mark.parametrize("raises", [True, False])
def test_a_deadline_that_passes_while_a_message_is_made_counts(
    monkeypatch: pytest.MonkeyPatch, raises: bool
) -> None:
    limits = Limits(recursion=199)
    runtime = Runtime.of(limits)

    def show(_error: object) -> str:
        breach = breach_of(limits, "soft_seconds")
        runtime.meter.stop(breach)
        if raises:
            raise breach
        return "text"

    monkeypatch.setattr(runtime.texts, "show", show)
    program = Program.load(Logic.of(process("raise ValueError(1, 2)")), limits)
    with pytest.raises(LimitExceeded) as caught:
        program.process({}, {})
    assert caught.value.limit == "soft_seconds"
    assert caught.value.line == 2


def test_readings_past_the_deadline_lead_to_quarantine(sandbox: Sandbox) -> None:
    each = logic(SLOW["an error from finally"])
    [report] = sandbox.run([Job(each, b"{}", [b'"slow"'] * (EXHAUSTIONS + 2))])
    kinds = [outcome.kind for outcome in report.outcomes]
    assert kinds == ["limit"] * EXHAUSTIONS + ["quarantined"] * 2


# The time of a logic in a batch.

#: A logic in plain Python that uses at least `data` seconds of processor time.
BUSY = Logic.of(
    "import time\n"
    "def process(data, state):\n"
    "    until = time.process_time() + data\n"
    "    while time.process_time() < until: pass\n"
    "    state['n'] = state.get('n', 0) + 1\n"
    "    return {'n': state['n']}\n"
)
GOOD = Logic.of("def process(data, state): return {}")


def within_budget(outcomes: list[Outcome]) -> int:
    """Return how many readings were run; all others must have exceeded the time of a batch."""
    run = [outcome.kind for outcome in outcomes].index("limit")
    assert {outcome.kind for outcome in outcomes[:run]} == {"ok"}
    for outcome in outcomes[run:]:
        assert outcome.failure
        assert outcome.failure.limit == "batch_seconds"
        assert outcome.failure.allowed
        assert outcome.exhausted
        assert not outcome.killed
    return run


def test_a_logic_has_a_budget_of_time_for_a_batch_and_others_have_their_own() -> None:
    with Unguarded(Limits(batch_seconds=0.2)) as sandbox:
        slow, good = sandbox.run([Job(BUSY, b"{}", [b"0.02"] * 100), Job(GOOD, b"{}", [b"1"] * 100)])
        run = within_budget(slow.outcomes)
        # Time is counted in ticks of 10 ms, so a reading more may begin.
        assert 1 <= run <= 12
        assert slow.state == b'{"n":%d}' % run
        assert {outcome.kind for outcome in good.outcomes} == {"ok"}

        [again] = sandbox.run([Job(BUSY, b"{}", [b"0"] * 10)])
        assert {outcome.kind for outcome in again.outcomes} == {"ok"}, "each batch has a budget of its own"


def test_all_machines_with_a_logic_share_its_budget() -> None:
    with Unguarded(Limits(batch_seconds=0.2)) as sandbox:
        jobs = [Job(each, b"{}", [b"0.02"]) for _ in range(50) for each in (BUSY, GOOD)]
        reports = sandbox.run(jobs)
    assert 1 <= within_budget([report.outcomes[0] for report in reports[::2]]) <= 12
    assert {report.outcomes[0].kind for report in reports[1::2]} == {"ok"}


def test_the_budget_is_kept_over_all_requests_of_a_batch() -> None:
    large = b"0.02" + b" " * 200_000
    with Unguarded(Limits(batch_seconds=0.2)) as sandbox:
        [report] = sandbox.run([Job(BUSY, b"{}", [large] * 40)])
        assert 1 <= within_budget(report.outcomes) <= 12


def test_a_reading_that_costs_a_child_counts_with_the_hard_deadline() -> None:
    limits = Limits(soft_seconds=0.1, hard_seconds=0.2, batch_seconds=0.3)
    endless = Logic.of("def process(data, state): sum(iter(int, 1))")
    with Unguarded(limits) as sandbox:
        reports = sandbox.run([Job(endless, b"{}", [b"1"] * 3), Job(GOOD, b"{}", [b"1"])])
        assert sandbox.restarts == 2
    outcomes = reports[0].outcomes
    assert [outcome.killed for outcome in outcomes] == [True, True, False]
    assert [outcome.failure.limit for outcome in outcomes if outcome.failure] == [
        "hard_seconds",
        "hard_seconds",
        "batch_seconds",
    ]
    assert reports[1].outcomes[0].kind == "ok"


def test_the_budget_is_kept_over_the_loss_of_a_child() -> None:
    """A logic that uses its time and then ends its child does not get all of its time again."""
    each = Logic.of(
        "import os, time\n"
        "def process(data, state):\n"
        "    until = time.process_time() + 0.02\n"
        "    while time.process_time() < until: pass\n"
        "    if data == 'end': os._exit(1)\n"
        "    return {}\n"
    )
    with Unguarded(Limits(batch_seconds=0.25, hard_seconds=0.1, soft_seconds=0.05)) as sandbox:
        [report] = sandbox.run([Job(each, b"{}", [*[b"1"] * 5, b'"end"', *[b"1"] * 30])])
    run = sum(outcome.kind == "ok" for outcome in report.outcomes)
    assert report.outcomes[5].killed
    assert 5 <= run <= 9


def test_finally_cannot_replace_the_error_of_a_process_without_memory() -> None:
    source = """
def fill():
    rows = []
    try:
        while True:
            rows.append([0] * 20000)
    finally:
        [][0]

def process(data, state):
    try:
        fill()
    except IndexError:
        return {"r": "replaced"}
"""
    # A busy machine takes long to fill the memory.
    limits = Limits(fuel=100_000_000, soft_seconds=20, hard_seconds=40, batch_seconds=60)
    with Sandbox(limits) as sandbox:
        [report] = sandbox.run([Job(Logic.of(source), b"{}", [b"1"])])

    [outcome] = report.outcomes
    assert outcome.killed
    assert outcome.failure
    assert outcome.failure.limit == "memory_bytes"
