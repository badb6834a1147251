"""The index finds the same as a scan of all machines, while machines are added, change and are deleted."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import msgspec
import pytest
import redis
from msgspec import Struct
from msgspec.structs import replace

from pipeline.model.about import About
from pipeline.model.counters import Counters, LastError
from pipeline.model.deployment import Deployment, Pause
from pipeline.model.machine import Condition, Health, Silence, Stored, health_of
from pipeline.model.machine_settings import MachineSettings
from pipeline.model.quarantine import Strikes
from pipeline.model.record import Record
from pipeline.store import search as search_module
from pipeline.store.abouts import AboutStore
from pipeline.store.groups import GroupCounter, GroupKind, MachineGroup
from pipeline.store.health_counts import HealthCounter
from pipeline.store.keys import PROFILES_KEY, condition_key, deployment_key, profile_machines_key
from pipeline.store.machine_index import MachineIndex
from pipeline.store.records import Records, Update
from pipeline.store.search import Search, Sort
from pipeline.store.search_script import MachineFilter
from sandbox.job import KILLS

#: Milliseconds since 1970: a machine that was last seen before this is silent, unless its settings say
#: otherwise.
SINCE = 1_000_000
SILENCE = Silence(SINCE + 900_000, 900)


class Plant(Struct):
    """Machine records, and their index."""

    redis: "redis.Redis"
    records: Records
    index: MachineIndex
    search: Search

    def put(self, machine_id: str, health: Health, seen: int, own: int | None = None) -> None:
        """Create a machine with these properties, without updating the index.

        `own` are the seconds after which it is silent by its settings.
        """
        pause, settings = (
            Pause(0) if health is Health.PAUSED else None,
            MachineSettings(silent_after_seconds=own),
        )
        setup = Deployment(1, "digest", 1, pause, settings=settings)
        failing = health is Health.FAILING
        record = Record(
            number=1,
            strikes=Strikes("digest", KILLS) if health is Health.QUARANTINED else Strikes(),
            counters=Counters(1, seen=seen, last_error=LastError(1, "error", seen, "") if failing else None),
        )
        self.redis.set(deployment_key(machine_id), msgspec.msgpack.encode(setup))
        read = self.records.read([machine_id])[machine_id]
        assert not self.records.write({machine_id: Update(read, record)})

    def walk(self, where: MachineFilter, sort: Sort, limit: int) -> list[str]:
        """Return the machines of all pages, one page after the other."""
        found, after = list[str](), ""
        while True:
            page = self.search.find(where, sort, after, limit, SILENCE)
            assert len(page.machine_ids) <= limit
            found += page.machine_ids
            if page.next is None:
                return found
            after = page.next

    def expected(self, where: MachineFilter, sort: Sort, machine_ids: list[str]) -> list[str]:
        """Return the same by a scan of all machines."""
        cards = AboutStore(self.redis).read(machine_ids)
        fitting = [
            (stored.record.counters.seen, machine_id)
            for machine_id, stored in self.records.read(machine_ids).items()
            if machine_id.startswith(where.prefix)
            and is_described(machine_id, cards[machine_id], where)
            and where.health in (None, health_of(stored, SILENCE, stored.settings))
            and (
                where.profile is None or self.redis.sismember(profile_machines_key(where.profile), machine_id)
            )
        ]
        if sort is Sort.ID:
            return sorted(machine_id for _, machine_id in fitting)
        return [machine_id for _, machine_id in sorted(fitting, reverse=True)]


def is_described(machine_id: str, card: About, where: MachineFilter) -> bool:
    """Return whether a machine has the text, the tag and the line of a filter."""
    searched = [machine_id, card.name, card.line, *card.tags]
    has_text = any(where.text.casefold() in each.casefold() for each in searched)
    return (
        has_text
        and (where.tag is None or where.tag.casefold() in card.tags)
        and where.line in (None, card.line)
    )


@pytest.fixture
def plant(redis_url: str) -> Iterator[Plant]:
    with redis.Redis.from_url(redis_url, protocol=3) as client:
        records = Records(client)
        yield Plant(client, records, MachineIndex(client, records), Search(client))


@pytest.fixture(params=[(None,), (None, 899, 901), (899, None, None, None, 10_000, 901)])
def machine_ids(plant: Plant, request: pytest.FixtureRequest) -> list[str]:
    """Create 120 machines of every health, many of them last seen in the same millisecond.

    Some have settings that say after how many seconds they are silent.
    """
    machine_ids = [f"{'abB_-'[n % 5]}{n % 7}-{n}" for n in range(120)]
    for n, machine_id in enumerate(machine_ids):
        health = list(Health)[n % 11 % len(Health)]
        seen = {Health.NEW: 0, Health.SILENT: SINCE - 1 - n % 3}.get(health, SINCE + n % 4)
        plant.put(machine_id, health, seen, request.param[n % len(request.param)])
        if n % 3:
            plant.redis.sadd(profile_machines_key("pump"), machine_id)
        card = About(
            name=["Ölpumpe", "", "Big press [%d]"][n % 3],
            tags=("old", "öl") if n % 4 else (),
            line=f"Line {n % 2}" if n % 5 else "",
        )
        AboutStore(plant.redis).change(machine_id, lambda _, card=card: card)  # type: ignore[misc]
    plant.index.enter(machine_ids)
    return machine_ids


#: All combinations of filters.
FILTERS = [
    MachineFilter(prefix=prefix, health=health, profile=profile)
    for prefix, health, profile in product(("", "a", "b3-"), (None, *Health), (None, "pump", "nothing"))
] + [
    MachineFilter(prefix=prefix, text=text, health=health, tag=tag, line=line)
    for prefix, text, health, tag, line in [
        ("", "ÖLP", None, None, None),
        ("a", "B", None, None, None),
        ("", "[%D", Health.FAILING, "old", None),
        ("", "line 1", Health.RUNNING, None, None),
        ("", "nowhere", None, None, None),
        ("", "", None, "OLD", None),
        ("", "", Health.SILENT, None, "Line 1"),
        ("b3-", "p", None, "ÖL", "Line 0"),
    ]
]


@pytest.mark.parametrize(("few", "step", "looks"), [(1_000, 1_000, 10_000), (10, 15, 30)])
def test_all_combinations_of_filters_find_the_same_as_a_scan(
    plant: Plant, machine_ids: list[str], monkeypatch: pytest.MonkeyPatch, few: int, step: int, looks: int
) -> None:
    monkeypatch.setattr(search_module, "_FEW", few)
    monkeypatch.setattr(search_module, "_STEP", step)
    monkeypatch.setattr(search_module, "MAX_EXAMINED", looks)

    for where, sort in product(FILTERS, Sort):
        assert plant.walk(where, sort, limit=19) == plant.expected(where, sort, machine_ids), (where, sort)


@pytest.mark.parametrize("looks", [4_000, 66])
def test_the_counts_are_the_same_as_those_of_a_scan(plant: Plant, machine_ids: list[str], looks: int) -> None:
    # Machines with problems, which are also silent.
    for n, health in enumerate((Health.PAUSED, Health.QUARANTINED, Health.FAILING, Health.FAILING)):
        machine_ids.append(f"old-{n}")
        plant.put(f"old-{n}", health, SINCE - 1)
    # Machines that are silent, or not, only because of their settings.
    for n, (health, own) in enumerate(product((Health.PAUSED, Health.FAILING, Health.RUNNING), (1, 9_000))):
        machine_ids.append(f"own-{n}")
        plant.put(f"own-{n}", health, SINCE - 1 if own > 1 else SINCE + 1, own)
    plant.index.enter(machine_ids)
    trouble = (Condition.PAUSED, Condition.QUARANTINED, Condition.FAILING)
    assert 66 < sum(plant.redis.zcard(condition_key(each)) for each in trouble) < 4_000
    census = HealthCounter(plant.redis).count(SILENCE, looks)
    counted = {
        health: len(plant.expected(MachineFilter(health=health), Sort.ID, machine_ids)) for health in Health
    }

    assert (census.machines, census.health) == (len(machine_ids), counted)


def test_a_count_that_would_take_too_long_is_unknown_and_the_others_are_known(
    plant: Plant, machine_ids: list[str]
) -> None:
    census = HealthCounter(plant.redis).count(SILENCE, most=5)
    unknown = {health for health, count in census.health.items() if count is None}

    assert census.machines == len(machine_ids)
    assert unknown == {Health.RUNNING, Health.FAILING, Health.SILENT}
    assert census.health[Health.PAUSED] == len(
        plant.expected(MachineFilter(health=Health.PAUSED), Sort.ID, machine_ids)
    )


def test_a_text_is_found_without_case_and_not_as_a_pattern(plant: Plant) -> None:
    for name, card in (("Press-1", About(name="Straße 7")), ("p.e", About()), ("pXe", About(tags=("50%",)))):
        plant.put(name, Health.NEW, 0)
        AboutStore(plant.redis).change(name, lambda _, card=card: card)  # type: ignore[misc]
    plant.index.enter(["Press-1", "p.e", "pXe"])

    def found(text: str) -> list[str]:
        return plant.walk(MachineFilter(text=text), Sort.ID, 2)

    assert found("PRESS") == found("ress-1") == found("strasse") == found("  STRASSE   7 ") == ["Press-1"]
    assert found("p.e") == ["p.e"]
    assert found("50%") == ["pXe"]
    assert found("0%x") == []


@pytest.mark.parametrize("most", [4_000, 45])
def test_groups_are_counted_as_a_scan_counts_them(plant: Plant, machine_ids: list[str], most: int) -> None:
    plant.redis.zadd(PROFILES_KEY, {"empty": 0, "pump": 0})
    # The set of a profile may have a machine that no longer exists.
    plant.redis.sadd(profile_machines_key("pump"), "gone")
    groups = list[MachineGroup]()
    for kind in GroupKind:
        cursor: str | None = ""
        while cursor is not None:
            page, cursor = GroupCounter(plant.redis).page(kind, cursor, 1, SILENCE, most)
            groups += page

    assert [each.name for each in groups] == ["pump", "old", "öl", "Line 0", "Line 1"]
    keys = ("profile", "tag", "tag", "line", "line")
    for key, group in zip(keys, groups, strict=True):
        every = [
            msgspec.structs.replace(MachineFilter(health=health), **{key: group.name}) for health in Health
        ]
        counts = {
            where.health: len(plant.expected(where, Sort.ID, machine_ids)) for where in every if where.health
        }
        size = sum(counts.values())
        assert group.health == (counts if size < most else None), group.name
        assert group.machines - size in ((0, 1) if group.health is None else (0,))


@pytest.mark.usefixtures("machine_ids")
def test_a_page_reads_a_bounded_number_of_machines_and_has_a_cursor(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_module, "_FEW", -1)
    monkeypatch.setattr(search_module, "_STEP", 10)
    monkeypatch.setattr(search_module, "MAX_EXAMINED", 20)

    page = plant.search.find(MachineFilter(prefix="nobody"), Sort.LAST_SEEN, "", 100, SILENCE)

    assert (page.machine_ids, page.next is not None) == ([], True)


@pytest.mark.parametrize("few", [0, 1_000])
def test_machines_that_move_while_pages_are_read_do_not_move_others(
    plant: Plant, machine_ids: list[str], monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(search_module, "_FEW", few)
    monkeypatch.setattr(search_module, "_STEP", 10)
    where, sort = MachineFilter(health=Health.RUNNING), Sort.LAST_SEEN
    order = plant.expected(where, sort, machine_ids)
    first = plant.search.find(where, sort, "", 5, SILENCE)
    assert first.next is not None

    # The machine before the cursor, the cursor itself, the next and the last one are seen again. Another one
    # is deleted.
    moved = [order[1], order[4], order[5], order[-1]]
    plant.index.note_seen(dict.fromkeys(moved, SINCE + 100))
    plant.redis.delete(f"machine:{{{order[7]}}}:record", deployment_key(order[7]))
    plant.index.enter([order[7]])

    rest = plant.search.find(where, sort, first.next, 100, SILENCE)
    assert first.machine_ids + rest.machine_ids == [
        each for place, each in enumerate(order) if place not in (5, 7, len(order) - 1)
    ]


def test_every_search_ends_if_there_are_no_machines(plant: Plant) -> None:
    for where, sort in product(FILTERS, Sort):
        assert plant.walk(where, sort, limit=9) == []


def test_a_deleted_machine_does_not_come_back_when_it_is_noted_as_seen(plant: Plant) -> None:
    plant.put("m1", Health.RUNNING, SINCE)
    plant.index.enter(["m1"])
    plant.redis.delete("machine:{m1}:record", deployment_key("m1"))
    plant.index.enter(["m1"])

    plant.index.note_seen({"m1": SINCE + 1})

    assert plant.redis.keys() == []


def silent_machines(plant: Plant) -> list[str]:
    """Return the silent machines, of which there are as many as the count says."""
    found = plant.walk(MachineFilter(health=Health.SILENT), Sort.ID, 10)
    assert HealthCounter(plant.redis).count(SILENCE).health[Health.SILENT] == len(found)
    return found


def test_a_reading_moves_the_time_at_which_a_machine_becomes_silent_by_its_settings(plant: Plant) -> None:
    plant.put("m1", Health.RUNNING, SINCE + 1, own=899)
    plant.put("m2", Health.RUNNING, SINCE - 1, own=901)
    plant.index.enter(["m1", "m2"])
    before = silent_machines(plant)

    plant.index.note_seen({"m1": SINCE + 2_000, "m2": SINCE})

    assert (before, silent_machines(plant)) == (["m1"], [])


def test_machines_whose_settings_no_longer_say_when_they_are_silent_are_as_all_others(plant: Plant) -> None:
    for own in (899, None):
        plant.put("m1", Health.RUNNING, SINCE + 1, own)
        plant.index.enter(["m1"])
        assert silent_machines(plant) == (["m1"] if own else [])
    assert plant.redis.keys("{machines}:silent*") == []


def test_machines_whose_settings_change_while_they_are_entered_are_entered_again(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = MachineIndex._put

    def put_and_change(self: MachineIndex, entries: dict[str, Any]) -> None:
        put(self, entries)
        monkeypatch.setattr(MachineIndex, "_put", put)
        settings = MachineSettings(silent_after_seconds=899)
        plant.redis.set(deployment_key("m1"), msgspec.msgpack.encode(Deployment(settings=settings)))

    monkeypatch.setattr(MachineIndex, "_put", put_and_change)
    plant.put("m1", Health.RUNNING, SINCE + 1)
    plant.index.enter(["m1"])

    assert silent_machines(plant) == ["m1"]


@pytest.mark.parametrize("after", ["no id!", "x" * 129])
def test_an_invalid_cursor_is_refused(plant: Plant, after: str) -> None:
    with pytest.raises(ValueError, match="not a valid cursor"):
        plant.search.find(MachineFilter(), Sort.ID, after, 10, SILENCE)
    with pytest.raises(ValueError, match="not a valid cursor"):
        plant.search.find(MachineFilter(), Sort.LAST_SEEN, "12", 10, SILENCE)


class PausedMeanwhile(Records):
    """Someone pauses the machine, and indexes it, after another process has read it to index it too."""

    paused = False

    def read(self, machine_ids: list[str]) -> dict[str, Stored]:  # type: ignore[override]
        read = super().read(machine_ids)
        if not self.paused:
            self.paused = True
            setup = replace(read["m1"].deployment, pause=Pause(0))
            self._redis.set(deployment_key("m1"), msgspec.msgpack.encode(setup))
            MachineIndex(self._redis, self).enter(["m1"])
        return read


def paused_machines_after_a_race(plant: Plant) -> list[str]:
    plant.put("m1", Health.RUNNING, SINCE)
    MachineIndex(plant.redis, PausedMeanwhile(plant.redis)).enter(["m1"])
    return plant.walk(MachineFilter(health=Health.PAUSED), Sort.ID, 10)


def test_a_writer_that_indexes_an_outdated_machine_indexes_it_again(plant: Plant) -> None:
    assert paused_machines_after_a_race(plant) == ["m1"]


def test_without_a_second_look_the_older_entry_would_stay(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = MachineIndex._put

    def put_and_forget(self: MachineIndex, entries: dict[str, object]) -> None:
        put(self, entries)  # type: ignore[arg-type]
        entries.clear()

    monkeypatch.setattr(MachineIndex, "_put", put_and_forget)

    assert paused_machines_after_a_race(plant) == []
