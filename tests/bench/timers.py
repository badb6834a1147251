"""Timers: what it costs to set one with each reading, and how late they run, also if very many are due.

1.  *A timer set again with each reading*: readings per second of one worker process, with the same logic with
    and without `set_timer`, in turn.
2.  *Many timers due at once*: each of many machines has a timer that is due in the same second. Meanwhile,
    other machines send at a steady rate. From publish to result, they are compared with the same rate before.
3.  *Timers one after the other*: they are due at a steady rate; how late each runs, as `on_timer` is told.
"""

import time
from collections.abc import Sequence
from contextlib import closing
from statistics import median
from typing import Final

import msgspec
from msgspec import Struct

from pipeline.clock import milliseconds_now
from pipeline.model.counters import Counters
from pipeline.model.deployment import Deployment
from pipeline.model.record import Record
from pipeline.store.client import connect
from pipeline.store.keys import deployment_key, timers_key
from pipeline.store.machine_index import MachineIndex
from pipeline.store.records import Due, Records, Update
from tests.bench.figure import Figure, number, rate
from tests.bench.fleet import installation, names, provision, settings_of
from tests.bench.latency import LOGIC as SENT
from tests.bench.latency import Quantiles, at_rate, percentile
from tests.bench.load import work_off
from tests.bench.logic import LOGIC
from tests.bench.progress import announce
from tests.bench.size import Size
from tests.bench.throughput import MACHINES, THREADS
from tests.support.installation import Installation
from tests.support.waiting import wait_until

_ON_TIMER: Final = "\n\ndef on_timer(timer, state):\n    state['silent'] = state.get('silent', 0) + 1\n"

#: The logic of the bench, with a timer that is set again and again.
TIMED: Final = LOGIC.replace("    return", "    set_timer('silence', minutes=45)\n    return", 1) + _ON_TIMER
#: The logic of machines whose timers are due. Of the timer `told`, a result says how late it was.
DUE: Final = (
    "def process(data, state):\n    pass"
    + _ON_TIMER
    + "    if timer['name'] == 'told':\n        return {'sent': 0, 'late': timer['late']}\n"
)

#: The rate of the other machines, in readings per second, and that of timers one after the other.
RATE: Final = 100

#: The machines that are made at once.
_CHUNK: Final = 500


class Timers(Struct):
    """Medians over all rounds for the throughput, in readings per second; the rest is measured once."""

    with_timer: float
    without: float
    machines: int
    seconds: float
    before: Quantiles
    meanwhile: Quantiles
    late_p99_s: float
    late_max_s: float

    def figures(self) -> list[Figure]:
        return [
            Figure(
                name="throughput with a timer that is set again with each reading, to without",
                value=self.with_timer / self.without,
                at_least=0.9,
                against=f"with: {rate(self.with_timer)}, without: {rate(self.without)}",
            ),
            Figure(
                name=f"p99 of other machines while {self.machines:,} timers are due in one second, to before",
                value=self.meanwhile.p99_ms / self.before.p99_ms,
                at_most=2.0,
                against=f"before: {self.before}; meanwhile: {self.meanwhile}; all had run after "
                f"{number(self.seconds)} s",
            ),
            Figure(
                name=f"how late timers run at {RATE}/s, p99",
                value=self.late_p99_s,
                unit="s",
                at_most=1.0,
                against=f"the latest: {number(self.late_max_s)} s",
            ),
        ]


def measure(size: Size) -> Timers:
    """Measure the throughput in turn, and then many timers and some in one installation."""
    rates: dict[str, list[float]] = {"with": [], "without": []}
    sides = {"with": names(MACHINES, "timed"), "without": names(MACHINES, "plain")}
    with installation() as plant:
        provision(plant, sides["with"], TIMED)
        provision(plant, sides["without"])
        for turn in range(size.rounds):
            for name, machine_ids in sides.items():
                announce(f"timers, turn {turn + 1} of {size.rounds}: {name} a timer in each reading")
                run = work_off(plant, lambda: plant.start_worker(1, THREADS), machine_ids, size.readings)
                rates[name].append(run.rate)
    with installation() as plant:
        senders = names(MACHINES, "sender")
        provision(plant, senders, SENT)
        provision(plant, ["pattern"], DUE)
        worker = plant.start_worker(1, THREADS)
        at_rate(plant, senders, RATE, seconds=2)  # to warm everything up
        announce("timers: without any that are due")
        before = Quantiles.of(at_rate(plant, senders, RATE, size.seconds))
        announce(f"timers of {size.machines:,} machines are set")
        begin = make(plant, names(size.machines, "silent"), "silence", spread=1_000)
        wait_until(lambda: milliseconds_now() >= begin, timeout=900)
        announce("timers: all are due in one second")
        began, trips = time.monotonic(), at_rate(plant, senders, RATE, size.seconds, patience=300)
        while left(plant):
            trips += at_rate(plant, senders, RATE, 1, patience=300)
        seconds = time.monotonic() - began
        announce("timers one after the other")
        count = RATE * size.seconds
        with plant.collect() as results:
            make(plant, names(count, "one"), "told", spread=1_000 * size.seconds)
            wait_until(lambda: len(results.messages) == count, timeout=900)
        late = sorted(each["data"]["late"] for each in results.events)
        worker.stop()
    return Timers(
        median(rates["with"]),
        median(rates["without"]),
        size.machines,
        seconds,
        before,
        Quantiles.of(trips),
        percentile(late, 99),
        late[-1],
    )


def make(plant: Installation, machine_ids: Sequence[str], timer: str, spread: int) -> int:
    """Create machines that have the logic of `pattern` and a timer, as a worker leaves them behind.

    The timers are due over `spread` milliseconds. Return when the first is due, in milliseconds since 1970:
    after all are created, as far as can be foreseen.
    """
    settings = settings_of(plant)
    begin = milliseconds_now() + 2_000 + len(machine_ids) // 2
    with closing(connect(settings)) as client:
        records, deployment = Records(client), client.get(deployment_key("pattern"))
        index = MachineIndex(client, records)
        assert isinstance(deployment, bytes)
        assert msgspec.msgpack.decode(deployment, type=Deployment).version == 1
        client.config_set("appendfsync", "no")
        for start in range(0, len(machine_ids), _CHUNK):
            part = machine_ids[start : start + _CHUNK]
            client.mset({deployment_key(each): deployment for each in part})
            read = records.read(part)
            updates = dict[str, Update]()
            for place, each in enumerate(part, start=start):
                home = place % settings.partitions
                due = begin + spread * place // len(machine_ids)
                record = Record(1, home=home, counters=Counters(1, seen=begin), timers={timer: due})
                updates[each] = Update(read[each], record, due=Due(home, due))
            assert not records.write(updates)
            index.enter(part)
        client.config_set("appendfsync", "always")
    assert milliseconds_now() < begin, "the machines were not ready before the first timer was due"
    return begin


def left(plant: Installation) -> int:
    """Return how many machines the index of timers still names."""
    settings = settings_of(plant)
    with closing(connect(settings)) as client:
        return sum(int(client.zcard(timers_key(each))) for each in range(settings.partitions))
