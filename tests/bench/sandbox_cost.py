"""The cost of the sandbox, with every check enabled: a reading, a start, and a kill.

Run alone (`python -m tests.bench.sandbox_cost`), it prints its figures as JSON.
"""

import os
import signal
import statistics
import time
from collections.abc import Callable

import msgspec
from msgspec import Struct

from sandbox.job import Job, Logic
from sandbox.parent.sandbox import Sandbox
from tests.bench.figure import Figure
from tests.bench.progress import announce
from tests.bench.size import FULL, Size

#: The shortest logic that people write.
ONE_LINER = (
    "def process(data, state): "
    'state["status"] = "running" if data["signal"] == 1 else "stopped"; '
    "return state"
)

#: A logic that people write for a noisy sensor.
ROLLING_AVERAGE = """
def process(data, state):
    window = state.get("window", [])
    window.append(data["value"])
    if len(window) > 50:
        window.pop(0)
    state["window"] = window
    return {"mean": sum(window) / len(window)}
"""

READING = b'{"signal": 1, "value": 21.25, "timestamp": 1700000000.5}'
STATES = {
    "one-liner": b'{"status":"running"}',
    "rolling average": msgspec.json.encode({"window": [20 + 0.25 * place for place in range(50)]}),
}

#: Readings per batch, seconds per measurement, and number of measurements; the best one counts.
BATCHES, SECONDS, TIMES = (1, 10, 100), 0.2, 5

#: The number of starts and kills that are measured.
STARTS = 7


class Cost(Struct):
    """Microseconds per reading, from the call of `Sandbox.run` to its return.

    `plain_us` is the call in Python alone. `machines` is for batches with one reading each of this many
    machines, `readings` for this many readings of one machine.
    """

    logic: str
    plain_us: float
    machines: dict[int, float]
    readings: dict[int, float]


class SandboxCost(Struct):
    """`start_ms`: until a new sandbox serves. `replaced_ms`: a batch whose child is dead. Medians."""

    readings: list[Cost]
    start_ms: float
    replaced_ms: float

    def figures(self) -> list[Figure]:
        return [
            *(
                Figure(
                    name=f"sandbox, {cost.logic}, {BATCHES[-1]} machines with a reading each",
                    value=cost.machines[BATCHES[-1]],
                    unit="µs a reading",
                    against=f"plain Python call: {cost.plain_us:.2f} µs",
                )
                for cost in self.readings
            ),
            Figure(name="until a new sandbox serves", value=self.start_ms, unit="ms"),
            Figure(name="until another one serves after a kill", value=self.replaced_ms, unit="ms"),
        ]


def measure(_size: Size = FULL) -> SandboxCost:
    """Measure everything. This takes about ten seconds, and uses only this process and its child."""
    announce("the sandbox")
    with Sandbox() as sandbox:
        costs = [
            _cost(sandbox, name, source)
            for name, source in (("one-liner", ONE_LINER), ("rolling average", ROLLING_AVERAGE))
        ]
        replaced = _replaced_ms(sandbox)
    return SandboxCost(costs, _start_ms(), replaced)


def _cost(sandbox: Sandbox, name: str, source: str) -> Cost:
    logic, state = Logic.of(source), STATES[name]
    logic = Logic(logic.digest, source, sandbox.check(source).code)

    def per_reading(jobs: list[Job], count: int) -> float:
        return _best_us(lambda: sandbox.run(jobs)) / count

    return Cost(
        name,
        _plain_us(source, state),
        {count: per_reading([Job(logic, state, [READING])] * count, count) for count in BATCHES},
        {count: per_reading([Job(logic, state, [READING] * count)], count) for count in BATCHES},
    )


def _plain_us(source: str, state: bytes) -> float:
    names = dict[str, Callable[[object, object], object]]()
    exec(source, names)  # noqa: S102  our own source, above
    process, data, live = names["process"], msgspec.json.decode(READING), msgspec.json.decode(state)
    return _best_us(lambda: [process(data, live) for _ in range(100)]) / 100


def _best_us(work: Callable[[], object]) -> float:
    """Return the shortest mean of some periods, in microseconds."""
    work()
    best = float("inf")
    for _ in range(TIMES):
        done, start = 0, time.perf_counter()
        while (taken := time.perf_counter() - start) < SECONDS:
            work()
            done += 1
        best = min(best, taken / done)
    return best * 1e6


def _start_ms() -> float:
    taken = list[float]()
    for _ in range(STARTS):
        start = time.perf_counter()
        sandbox = Sandbox()
        taken.append(time.perf_counter() - start)
        sandbox.close()
    return statistics.median(taken) * 1e3


def _replaced_ms(sandbox: Sandbox) -> float:
    job = Job(Logic.of(ONE_LINER), b"{}", [READING])
    taken = list[float]()
    for _ in range(STARTS):
        sandbox.run([job])
        os.kill(sandbox.pid, signal.SIGKILL)
        start = time.perf_counter()
        sandbox.run([job])
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1e3


if __name__ == "__main__":
    print(msgspec.json.format(msgspec.json.encode(measure())).decode())
