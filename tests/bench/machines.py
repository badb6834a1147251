"""A page of the list of machines, among many and among few: from the request to the response, over HTTP.

The slowest combination of filters and order counts. For this, the pages of each combination are read one
after the other, each from the end of the previous one, repeatedly.
"""

import time
from collections.abc import Sequence
from contextlib import closing
from itertools import product
from typing import Any, Final

import httpx
import msgspec
import redis
from msgspec import Struct

from pipeline.model.counters import Counters, LastError
from pipeline.model.deployment import Deployment, Pause
from pipeline.model.machine import Health
from pipeline.model.quarantine import Strikes
from pipeline.model.record import Outgoing, Record
from pipeline.store.client import connect
from pipeline.store.keys import deployment_key, profile_machines_key
from pipeline.store.machine_index import MachineIndex
from pipeline.store.records import Records, Update
from pipeline.store.search import Sort
from sandbox.job import KILLS
from tests.bench.figure import Figure, number
from tests.bench.fleet import installation, settings_of
from tests.bench.latency import percentile
from tests.bench.progress import announce
from tests.bench.size import Size
from tests.support.installation import Installation

#: The small number of machines, and the machines per page: the API's default.
FEW: Final = 100
PAGE: Final = 100

#: Pages of each combination that are tried to find the slowest one.
_TRIED: Final = 20

#: The number of machines that are created at once.
_CHUNK: Final = 500

#: Machines of each health among a thousand; the others are running.
_SHARES: Final = {
    Health.PAUSED: 10,
    Health.QUARANTINED: 2,
    Health.NEW: 40,
    Health.SILENT: 200,
    Health.FAILING: 20,
}

#: The prefixes of the ids. Every twentieth machine has the first one, and was seen before all others, so that
#: a search for it in the order of the last seen finds it last.
_FIRST, _OTHERS = "far", "near"
PROFILE: Final = "pump"


class Pages(Struct):
    """Milliseconds for a page, p95, of the slowest combination (by median): `worst` is its query.

    `plain`: by id, without a filter; `live`: a response of `/health/live`.
    """

    machines: int
    many_p95_ms: float
    worst: str
    few_p95_ms: float
    live_p95_ms: float
    plain_p95_ms: float

    def figures(self) -> list[Figure]:
        return [
            Figure(
                name=f"a page of {PAGE} machines among {self.machines:,}, p95 of the worst filter and order "
                f"({self.worst})",
                value=self.many_p95_ms,
                unit="ms",
                at_most=100,
                against=f"the worst among {FEW}: {number(self.few_p95_ms)} ms; GET /health/live: "
                f"{number(self.live_p95_ms)} ms",
            ),
            Figure(
                name="the same, without a filter, by id, p95",
                value=self.plain_p95_ms,
                unit="ms",
            ),
        ]


def measure(size: Size) -> Pages:
    """Request pages among few machines, and then among many."""
    worst = dict[int, tuple[float, str]]()
    with installation() as plant:
        plant.start_api()
        for count in (FEW, size.machines):
            announce(f"{count:,} machines are made")
            make(plant, count)
            announce(f"pages among {count:,} machines")
            slow = max(_queries(), key=lambda query: percentile(_times(plant.client, query, _TRIED), 50))
            worst[count] = percentile(_times(plant.client, slow, size.uploads), 95), _name(slow)
        plain = percentile(_times(plant.client, {"sort": Sort.ID}, size.uploads), 95)
        live = [_timed(plant.client, "/health/live", {})[0] for _ in range(size.uploads)]
    (few, _), (many, name) = worst.values()
    return Pages(size.machines, many, name, few, percentile(sorted(live), 95), plain)


def _queries() -> list[dict[str, str]]:
    """Return all combinations of filters and orders."""
    prefixes, healths, profiles = (None, _FIRST, f"{_OTHERS}-1"), (None, *Health), (None, PROFILE)
    return [
        {
            name: str(value)
            for name, value in (("prefix", prefix), ("health", health), ("profile", profile), ("sort", sort))
            if value is not None
        }
        for prefix, health, profile, sort in product(prefixes, healths, profiles, Sort)
    ]


def _name(query: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in query.items())


def _times(client: httpx.Client, query: dict[str, str], requests: int) -> list[float]:
    """Return the milliseconds for each of this many pages, sorted."""
    times, after = list[float](), ""
    for _ in range(requests):
        milliseconds, page = _timed(client, "/machines", {**query, "after": after, "limit": PAGE})
        times.append(milliseconds)
        after = page["next"] or ""
    return sorted(times)


def _timed(client: httpx.Client, path: str, query: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    began = time.monotonic()
    response = client.get(path, params=query)
    milliseconds = (time.monotonic() - began) * 1e3
    assert response.status_code == 200, response.text
    return milliseconds, response.json()


def make(plant: Installation, count: int) -> None:
    """Create machines as workers and the API leave them behind, on an empty Redis."""
    with closing(connect(settings_of(plant))) as client:
        client.flushall()
        client.config_set("appendfsync", "no")
        records, now = Records(client), int(time.time() * 1000)
        directory = MachineIndex(client, records)
        for start in range(0, count, _CHUNK):
            places = range(start, min(start + _CHUNK, count))
            _make_some(client, records, places, now)
            directory.enter(_id(place) for place in places)
        client.config_set("appendfsync", "always")


def _make_some(client: "redis.Redis", records: Records, places: Sequence[int], now: int) -> None:
    healths = [health for health, share in _SHARES.items() for _ in range(share)]
    setups, made = dict[str, bytes](), dict[str, Record]()
    for place in places:
        # In a different order than the ids, and the same each time.
        shuffled = place * 7919 % 1000
        health = healths[shuffled] if shuffled < len(healths) else Health.RUNNING
        setup = Deployment(1, "digest", 1, Pause(0) if health is Health.PAUSED else None)
        setups[deployment_key(_id(place))] = msgspec.msgpack.encode(setup)
        made[_id(place)] = _record(health, now - place % 60_000 - (_is_first(place) and 300_000))
    client.mset(setups)
    client.sadd(profile_machines_key(PROFILE), *(_id(place) for place in places if place % 3))
    read = records.read(list(made))
    assert not records.write(
        {machine_id: Update(read[machine_id], record) for machine_id, record in made.items()}
    )


def _record(health: Health, seen: int) -> Record:
    if health is Health.NEW:
        seen = 0
    elif health is Health.SILENT:
        seen -= 24 * 3600 * 1000
    error = LastError(3, "error", seen, "division by zero", 3, "return 1 / data['n']", None, 1)
    return Record(
        number=3,
        state=b'{"count":3,"status":"running","last":{"temperature":81.5}}',
        strikes=Strikes("digest", KILLS) if health is Health.QUARANTINED else Strikes("digest"),
        outgoing=tuple(Outgoing(f"{n}", b"x" * 250) for n in range(3)),
        counters=Counters(3, 0, 3, {}, {}, seen, error if health is Health.FAILING else None),
    )


def _id(place: int) -> str:
    return f"{_FIRST if _is_first(place) else _OTHERS}-{place}"


def _is_first(place: int) -> bool:
    return place % 20 == 0
