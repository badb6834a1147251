"""Timers in batches that the test creates: the record, the index, and crashes between all steps."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from itertools import count
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import wire
from pipeline.broker.publisher import Message, Publisher
from pipeline.model.reading import Reading
from pipeline.store.keys import timers_key
from pipeline.store.records import Records, Update
from sandbox.parent.sandbox import Sandbox
from tests.support.batch_driver import BatchDriver

#: Sets and cancels what each reading says, and keeps what has happened.
LOGIC = """
def process(data, state):
    state["seen"] = [*state.get("seen", []), data["n"]]
    for name, seconds in data["set"].items():
        if seconds:
            set_timer(name, seconds=seconds)
        else:
            cancel_timer(name)
    return {"n": data["n"]}

def on_timer(timer, state):
    state["seen"] = [*state["seen"], timer["name"]]
    return {"n": timer["name"]}
"""

#: When the readings begin, in milliseconds since 1970.
START = 1_774_742_400_000

#: Each example has its own machine, and each session its own name.
_machines, _sessions = count(1), count(1)


class SometimesLosesAnswers(Records):
    """Loses the answer of the next write if the test says so: the write succeeds, but the caller gets an
    error.
    """

    loses = False

    def write(self, updates: Mapping[str, Update]) -> set[str]:
        changed = super().write(updates)
        if self.loses:
            self.loses = False
            raise redis.TimeoutError("the answer did not come")
        return changed


@pytest.fixture
def driver(broker_url: str, redis_url: str) -> Iterator[BatchDriver]:
    driver = BatchDriver(broker_url, redis_url, Sandbox(), records=SometimesLosesAnswers)
    yield driver
    driver.close()


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[Message]:
    """All messages that were published, in place of RabbitMQ."""
    messages = list[Message]()

    def publish(_self: Publisher, each: list[Message], **_: Any) -> "Future[None]":
        messages.extend(each)
        done = Future[None]()
        done.set_result(None)
        return done

    monkeypatch.setattr(Publisher, "publish", publish)
    return messages


def deploy(driver: BatchDriver, machine: str) -> None:

    driver.logics.upload(machine, LOGIC, b"")


def reading(machine: str, n: int, at: int, timers: dict[str, int]) -> Reading:
    body = json.dumps({"n": n, "set": timers}).encode()
    return Reading(machine, wire.data_key(machine), body, 0, False, None, None, 0, received=at)


class Partition:
    """The session of one machine's partition: its queue, and the machine if its timers are due."""

    def __init__(self, driver: BatchDriver, machine: str, published: list[Message]) -> None:
        self.driver, self.machine, self.published = driver, machine, published
        self.now = self.cleared = START
        self.queue: list[Reading] = []
        self.again = 0
        self.named: dict[str, int] = {}
        self.begin()

    def begin(self) -> None:
        """Begin a new session. The broker redelivers what the old one has not acknowledged."""
        self.session = f"s{next(_sessions):07}".encode()
        self.again = len(self.queue)
        self.named, self.cleared = {}, START

    def ask(self) -> None:
        found = self.driver.timers.due({0: 100}, self.now).get(0, {})
        self.named |= {name: due for name, due in found.items() if name == self.machine}

    def clear(self) -> None:
        """A probe comes back: no reading can follow that was received before."""
        if not self.queue:
            self.cleared = self.now

    def take(self, most: int, *, crash: bool) -> None:
        """Process a batch, and confirm it unless the worker is killed before it publishes."""
        taken = self.queue[:most]
        ready = all(due <= self.cleared for due in self.named.values())
        due = self.named if ready else {}
        if not taken and not due:
            return
        before = len(self.published)
        rests = self.driver.process(
            taken,
            session=self.session,
            redelivered=min(self.again, len(taken)),
            due=due,
            until=self.cleared,
        )
        if crash:
            del self.published[before:]
            self.begin()
            return
        del self.queue[: len(taken)]
        self.again = max(0, self.again - len(taken))
        if due:
            self.named = {}
            self.driver.timers.rest(self.driver.fence(self.session), rests)


NAMES = st.sampled_from(["a", "b"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.dictionaries(NAMES, st.integers(0, 5), max_size=2)),
        st.tuples(st.just("wait"), st.integers(1, 4)),
        st.tuples(st.sampled_from(["ask", "clear", "lose", "begin"])),
        st.tuples(st.just("take"), st.integers(0, 3), st.sampled_from([False, False, True])),
        st.tuples(st.just("fire"), st.integers(1, 4), st.booleans()),
    ),
    max_size=40,
)


def expected(sent: list[tuple[int, int, dict[str, int]]]) -> list[Any]:
    """Return what must happen, in order, with readings of these numbers, times and timers."""
    seen, timers = list[Any](), dict[str, int]()

    def run_due(limit: float) -> None:
        for due, name in sorted((due, name) for name, due in timers.items()):
            if due <= limit:
                seen.append(name)
                del timers[name]

    for n, at, changes in sent:
        run_due(at)
        seen.append(n)
        for name, seconds in changes.items():
            timers.pop(name, None)
            if seconds:
                timers[name] = at + 1000 * seconds
    run_due(float("inf"))
    return seen


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_each_timer_runs_once_and_in_order_whatever_crashes(
    driver: BatchDriver, published: list[Message], steps: list[tuple[Any, ...]]
) -> None:
    machine = f"m{next(_machines)}"
    deploy(driver, machine)
    partition, sent = Partition(driver, machine, published), list[tuple[int, int, dict[str, int]]]()
    published.clear()
    for kind, *rest in steps:
        match kind:
            case "send":
                partition.now += 1  # so that the time of a probe is not that of a reading
                sent.append((len(sent), partition.now, rest[0]))
                partition.queue.append(reading(machine, *sent[-1]))
                partition.now += 1
            case "wait":
                partition.now += 1000 * rest[0]
            case "take":
                partition.take(rest[0], crash=rest[1])
            case "fire":
                partition.take(100, crash=False)
                partition.now += 1000 * rest[0]
                partition.ask()
                partition.clear()
                partition.take(0, crash=rest[1])
            case "lose":
                driver.records.loses = True  # type: ignore[attr-defined]
            case "begin":
                partition.begin()
            case _:
                getattr(partition, kind)()
    # Then nothing goes wrong any more, but a worker asks the index only for timers that are due.
    driver.records.loses = False  # type: ignore[attr-defined]
    for _ in range(12):
        partition.take(100, crash=False)
        partition.now += 1000
        partition.ask()
        partition.clear()
        partition.take(0, crash=False)
    partition.take(0, crash=False)

    happened = expected(sent)
    state = json.loads(driver.state(machine))
    assert state.get("seen", []) == happened
    results = dict[str, Any]()
    for message in published:
        event = json.loads(message.body)
        assert results.setdefault(event["id"], event["data"]["n"]) == event["data"]["n"]
    assert list(results.values()) == happened
    assert driver.timers.due({0: 100}, partition.now + 10**9).get(0, {}).get(machine) is None


def test_a_timer_is_not_late_if_the_session_knows_an_old_time(
    driver: BatchDriver, published: list[Message], redis_url: str
) -> None:
    """The index named the machine before a batch changed its timer to a later time."""
    deploy(driver, "press")
    partition = Partition(driver, "press", published)
    partition.queue.append(reading("press", 0, START, {"a": 1}))
    partition.take(1, crash=False)
    partition.now += 2_000
    partition.ask()
    assert partition.named == {"press": START + 1_000}
    partition.queue.append(reading("press", 1, START + 2_000, {"a": 3600}))
    partition.take(1, crash=False)
    partition.now += 1_000
    partition.clear()
    partition.queue.append(reading("press", 2, START + 3_000, {"a": 1}))
    partition.take(1, crash=True)
    with redis.Redis.from_url(redis_url) as client:
        assert client.zscore(timers_key(0), "press") == START + 4_000
    assert [json.loads(each.body)["data"]["n"] for each in published] == [0, "a", 1]
