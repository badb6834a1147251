"""The records, the index and the journal of alarms agree, whatever happens in whichever order."""

import copy
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import redis
from msgspec.structs import replace

from pipeline.backup.archive import export
from pipeline.backup.restore import Restore
from pipeline.clock import milliseconds_now
from pipeline.errors import NoAlarm
from pipeline.model.alarm import SEVERITIES, Alarm, Alarms, KeptChange
from pipeline.plant.alarm_relay import Relay
from pipeline.plant.alarms import AlarmDesk
from pipeline.plant.lag import QueueState
from pipeline.plant.own_alarms import PlantView, PlantWatch
from pipeline.settings import Settings
from pipeline.store.alarms import AlarmFilter, AlarmStore
from pipeline.store.deletion import Deletion
from pipeline.store.deployments import MachineDeployments
from pipeline.store.keys import (
    ALARMS_OPEN_KEY,
    ALARMS_RAISED_KEY,
    ALARMS_SHELVED_KEY,
    ALARMS_WATCH_KEY,
    record_key,
)
from pipeline.store.machine_index import MachineIndex
from pipeline.store.profiles import ProfileStore
from pipeline.store.records import Records, Update
from pipeline.store.workers import WorkerList
from sandbox.job import Raised, Severity
from tests.support.waiting import wait_until

NAMES = ("hot", "cold", "dry")
MACHINES = ("m1", "m2", None)


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, protocol=3) as client:
        yield client


class Unreliable(Records):
    """Loses some answers, and lets another write happen before some others."""

    def __init__(self, client: redis.Redis, chance: random.Random) -> None:
        super().__init__(client)
        self._chance = chance

    def write(self, updates: Mapping[str, Update]) -> set[str]:
        what = self._chance.random()
        if what < 0.15:
            for machine, update in updates.items():
                if update.read.token:  # somebody else writes the same record, with another token
                    self._redis.set(record_key(machine), self.encode(update.read.record))
        changed = super().write(updates)
        if what > 0.85:
            raise redis.TimeoutError("the answer did not come")
        return changed


class Model:
    """What must be: the open alarms, as plain dictionaries, and all actions."""

    def __init__(self) -> None:
        self.open: dict[str | None, dict[str, dict[str, Any]]] = {machine: {} for machine in MACHINES}
        self.actions: dict[str | None, list[tuple[str, str]]] = {machine: [] for machine in MACHINES}
        self._saved: dict[str | None, dict[str, dict[str, Any]]] = {}

    def raise_(self, machine: str | None, name: str, severity: Severity) -> None:
        alarm = self.open[machine].setdefault(name, {"active": False, "shelved": False})
        was_active, before = alarm["active"], alarm.get("severity")
        alarm["severity"] = severity
        if not was_active or SEVERITIES.index(severity) > SEVERITIES.index(cast(Severity, before)):
            alarm |= {"active": True, "acked": False}
            self._note(machine, name, "raised")
        elif severity != before:
            self._note(machine, name, "lowered")

    def clear(self, machine: str | None, name: str, _severity: Severity) -> None:
        self._set(machine, name, "active", "cleared", value=False)

    def acknowledge(self, machine: str | None, name: str, _severity: Severity) -> None:
        self._set(machine, name, "acked", "acknowledged", value=True)

    def shelve(self, machine: str | None, name: str, _severity: Severity) -> None:
        self._set(machine, name, "shelved", "shelved", value=True)

    def unshelve(self, machine: str | None, name: str, _severity: Severity) -> None:
        self._set(machine, name, "shelved", "unshelved", value=False)

    def reset(self, machine: str | None, _name: str, _severity: Severity) -> None:
        self._end(machine, self.open[machine])

    def delete(self, machine: str, _name: str, _severity: Severity) -> None:
        self._end(machine, self.open[machine])

    def save(self, _machine: str, _name: str, _severity: Severity) -> None:
        self._saved = copy.deepcopy(self.open)

    def restore(self, machine: str, _name: str, _severity: Severity) -> None:
        self._end(machine, self.open[machine].keys() - self._saved[machine].keys())
        self.open[machine] = copy.deepcopy(self._saved[machine])

    def _note(self, machine: str | None, name: str, action: str) -> None:
        self.actions[machine].append((name, action))
        alarm = self.open[machine][name]
        if action == "ended" or (alarm["acked"] and not alarm["active"] and not alarm["shelved"]):
            del self.open[machine][name]

    def _set(self, machine: str | None, name: str, field: str, action: str, *, value: bool) -> None:
        alarm = self.open[machine].get(name)
        if alarm is not None and (alarm[field] != value or action == "shelved"):
            alarm[field] = value
            self._note(machine, name, action)

    def _end(self, machine: str | None, names: Iterable[str]) -> None:
        for name in sorted(names):
            self._note(machine, name, "ended")


class Plant:
    """The real thing, with lost answers and stale tokens."""

    def __init__(self, client: redis.Redis, folder: Path, chance: random.Random | None = None) -> None:
        self.client, self._file, self._chance = client, folder / "plant.backup", chance or random.Random(0)
        self.plain = Records(client)
        self.records = self.plain if chance is None else Unreliable(client, chance)
        self.store: AlarmStore = self.records.alarms
        self.desk = AlarmDesk(self.records)
        profiles = ProfileStore(client, MachineDeployments(client), self.records)
        self._deletion = Deletion(client, self.records, MachineIndex(client, self.records), profiles)

    def raise_(self, machine: str | None, name: str, severity: Severity) -> None:
        now = milliseconds_now()
        self._change(machine, lambda alarms: alarms.raise_(name, Raised(severity, f"{now}", b"{}"), now))

    def clear(self, machine: str | None, name: str, _severity: Severity) -> None:
        self._change(machine, lambda alarms: alarms.clear(name, milliseconds_now()))

    def acknowledge(self, machine: str | None, name: str, _severity: Severity) -> None:
        self.desk.acknowledge(machine, name, "anna", "")

    def shelve(self, machine: str | None, name: str, _severity: Severity) -> None:
        until = milliseconds_now() + self._chance.randrange(1, 10**6)
        self.desk.shelve(machine, name, until, "anna", "")

    def unshelve(self, machine: str | None, name: str, _severity: Severity) -> None:
        self.desk.unshelve(machine, name, "anna")

    def reset(self, machine: str | None, _name: str, _severity: Severity) -> None:
        self._change(machine, lambda alarms: alarms.end(sorted(alarms.now), milliseconds_now()))

    def delete(self, machine: str, _name: str, _severity: Severity) -> None:
        self._deletion.remove(machine)

    def save(self, _machine: str, _name: str, _severity: Severity) -> None:
        export(self.client, self._file)

    def restore(self, machine: str, _name: str, _severity: Severity) -> None:
        self.restore_with(self.client, machine)

    def restore_with(self, client: redis.Redis, machine: str) -> None:
        Restore(client, "", lambda _: None).restore(self._file, only=[machine])

    def _change(self, machine: str | None, change: Callable[[Alarms], object]) -> None:
        """Change alarms as a batch or the watch of the plant does."""
        while True:
            if machine is None:
                token, plant = self.store.read_plant()
                alarms = Alarms(plant.alarms, plant.number)
                change(alarms)
                if self.store.write_plant(b"12345678" if self._chance.random() < 0.2 else token, alarms):
                    return
                continue
            stored = self.records.read([machine])[machine]
            alarms = Alarms(stored.record.alarms, stored.record.alarm_changes)
            change(alarms)
            record = replace(stored.record.alarmed(alarms), gone=False)
            if not self.records.write({machine: Update(stored, record, alarms=alarms)}):
                return

    def alarms_of(self, machine: str | None) -> dict[str, Alarm]:
        if machine is None:
            return self.store.read_plant()[1].alarms
        return self.plain.read([machine])[machine].record.alarms

    def check(self, model: Model) -> None:
        """Compare the records, the index and the journal with the model."""
        every = {
            (machine, name): alarm for machine in MACHINES for name, alarm in self.alarms_of(machine).items()
        }
        assert {
            key: {
                "active": alarm.active,
                "acked": alarm.acknowledged is not None,
                "shelved": alarm.shelved is not None,
                "severity": alarm.severity,
            }
            for key, alarm in every.items()
        } == {(machine, name): alarm for machine in MACHINES for name, alarm in model.open[machine].items()}

        members = {f"{machine or ''}/{name}".encode(): alarm for (machine, name), alarm in every.items()}
        index = cast("dict[bytes, bytes]", self.client.hgetall(ALARMS_OPEN_KEY))
        assert {key: msgspec.msgpack.decode(value, type=Alarm) for key, value in index.items()} == members
        assert dict(cast(Any, self.client.zrange(ALARMS_RAISED_KEY, 0, -1, withscores=True))) == {
            member: alarm.raised for member, alarm in members.items()
        }
        assert dict(cast(Any, self.client.zrange(ALARMS_SHELVED_KEY, 0, -1, withscores=True))) == {
            member: alarm.shelved.until for member, alarm in members.items() if alarm.shelved
        }
        journal = self.store.journal(AlarmFilter(), "", 100_000).changes[::-1]
        for machine in MACHINES:
            own = [each.change for each in journal if each.machine == machine]
            actions = [(each.alarm.name, each.action) for each in own]
            assert in_any_order_of_ends(actions) == in_any_order_of_ends(model.actions[machine])
            assert [each.number for each in own] == list(range(1, len(own) + 1))


def in_any_order_of_ends(actions: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Sort the alarms that end together."""
    runs = groupby(actions, lambda each: each[1] == "ended")
    return [each for is_end, run in runs for each in (sorted(run) if is_end else run)]


@pytest.mark.parametrize("seed", range(8))
def test_records_index_and_journal_agree_after_any_history(
    client: redis.Redis, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    plant, model, saved = Plant(client, tmp_path, chance), Model(), False
    frequent = ["raise_"] * 3 + ["clear", "acknowledge", "shelve", "unshelve"] * 2
    for step in range(200):
        machine, name, severity = chance.choice(MACHINES), chance.choice(NAMES), chance.choice(SEVERITIES)
        what = chance.choice([*frequent, "reset", "delete", "save", "restore"])
        if what == "save":
            saved = all(each.known for each in plant.plain.read(["m1", "m2"]).values())
        if (what == "restore" and not saved) or (machine is None and what in ("delete", "restore")):
            continue
        while True:
            try:
                getattr(plant, what)(machine, name, severity)
            except NoAlarm:
                assert name not in model.open[machine]
                break
            except redis.TimeoutError:
                getattr(model, what)(machine, name, severity)  # it was written, and is tried again
            else:
                getattr(model, what)(machine, name, severity)
                break
        if step % 10 == 9:
            plant.check(model)
    plant.check(model)
    assert sum(map(len, model.actions.values())) > 40


def test_a_full_journal_says_that_it_has_dropped_changes(client: redis.Redis) -> None:
    store, alarms = AlarmStore(client, most=10), Alarms({}, 0)
    for step in range(7):
        alarms.raise_("hot", Raised("major", "", b"{}"), step)
        alarms.clear("hot", step)
    assert store.write_plant(b"", alarms)
    [first, *_, last] = store.after("0-0", 100)

    assert first.change.number == 5
    assert store.is_dropped("0-0")
    assert not store.is_dropped(first.id)
    assert not store.is_dropped(last.id)


def test_a_journal_with_room_has_dropped_nothing(client: redis.Redis) -> None:
    store, alarms = AlarmStore(client, most=10), Alarms({}, 0)
    assert not store.is_dropped("0-0")
    alarms.raise_("hot", Raised("major", "", b"{}"), 1)
    assert store.write_plant(b"", alarms)

    assert not store.is_dropped("0-0")


class ClearsMeanwhile(redis.Redis):
    """A batch clears an alarm right after each transaction."""

    def transaction(self, *args: Any, **kwargs: Any) -> Any:
        result = super().transaction(*args, **kwargs)
        records = Records(self)
        stored = records.read(["m1"])["m1"]
        alarms = Alarms(stored.record.alarms, stored.record.alarm_changes)
        alarms.clear("hot", 9)
        alarms.acknowledge("hot", "anna", "", 9)
        assert not records.write({"m1": Update(stored, stored.record.alarmed(alarms), alarms=alarms)})
        return result


def test_a_batch_that_runs_during_a_restore_is_in_the_index(
    client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    plant = Plant(client, tmp_path)
    plant.raise_("m1", "hot", "major")
    plant.save("m1", "", "major")
    with ClearsMeanwhile.from_url(redis_url, protocol=3) as client_of_restore:
        plant.restore_with(client_of_restore, "m1")

    assert plant.alarms_of("m1") == {}
    assert client.hgetall(ALARMS_OPEN_KEY) == {}


def test_an_entry_of_the_index_without_an_alarm_is_repaired(client: redis.Redis, tmp_path: Path) -> None:
    plant = Plant(client, tmp_path)
    lost = Alarms({}, 0)
    lost.raise_("cold", Raised("major", "", b"{}"), 5)
    lost.shelve("cold", 6, "anna", "", 5)
    for machine in ("m1", "m2"):
        with client.pipeline() as step:
            plant.store.replace(machine, [], Alarms(lost.now, 0), step)
            step.execute()
    plant.raise_("m1", "hot", "major")
    for each in plant.store.shelved(7):
        plant.desk.repair(*each)

    assert set(client.hgetall(ALARMS_OPEN_KEY)) == {b"m1/hot"}
    assert client.zcard(ALARMS_SHELVED_KEY) == 0
    assert client.exists(record_key("m2")) == 0


class FailsOnce:
    """Takes changes. The first time, it fails as nobody expects."""

    def __init__(self) -> None:
        self.taken = list[KeptChange]()
        self._has_failed = False

    def take(self, changes: Sequence[KeptChange]) -> None:
        if not self._has_failed:
            self._has_failed = True
            raise ValueError("a bug")
        self.taken += changes


def test_a_relay_goes_on_after_an_internal_error(client: redis.Redis, tmp_path: Path) -> None:
    plant, sink = Plant(client, tmp_path), FailsOnce()
    plant.raise_("m1", "hot", "major")
    relay = Relay("told", plant.store, sink)
    relay.start()
    try:
        wait_until(lambda: bool(sink.taken))
    finally:
        relay.close()

    assert [each.machine for each in sink.taken] == ["m1"]


class Plain:
    """A plant without RabbitMQ, with a number of dead letters."""

    letters = 0

    def missing(self) -> dict[str, str]:
        return {"rabbitmq": "RabbitMQ is away."}

    def workers(self) -> WorkerList:
        return WorkerList([], [])

    def dead_letters(self) -> int:
        return self.letters


def test_the_details_of_an_alarm_of_the_plant_are_those_of_now(client: redis.Redis, tmp_path: Path) -> None:
    plant, view = Plant(client, tmp_path), Plain()
    watch = PlantWatch(Settings(alarm_dead_letters=10), cast(PlantView, view), plant.store, plant.desk)
    for letters in (10, 10, 70, 80):
        view.letters = letters
        watch.step()

    alarm = plant.alarms_of(None)["dead-letters"]
    assert (alarm.details, alarm.times) == (b'{"count":80}', 1)
    [change] = plant.store.after("0-0", 10)
    assert change.change.action == "raised"


class WithoutRedis(Plain):
    """A plant whose Redis is away, until it is back."""

    is_away = True

    def missing(self) -> dict[str, str]:
        return {"redis": "Redis is away."} if self.is_away else {}

    def partition_numbers(self) -> list[int]:
        return []

    def all_queues(self) -> list[QueueState]:
        return []


def test_what_people_were_told_without_redis_is_written_without_the_lease(
    client: redis.Redis, tmp_path: Path
) -> None:
    plant, view, told = Plant(client, tmp_path), WithoutRedis(), list[KeptChange]()
    arguments = (Settings(), cast(PlantView, view), plant.store, plant.desk)
    watch = PlantWatch(*arguments, told.append)
    assert plant.store.take_lease(ALARMS_WATCH_KEY, "another process", 60)

    def step() -> bool:
        watch.step()
        return bool(told)

    wait_until(step)
    view.is_away = False
    watch.step()

    [change] = plant.store.after("0-0", 10)
    assert (change.change.alarm.name, change.change.action) == ("redis", "raised")
    assert change.change.alarm.raised == told[0].change.alarm.raised
    watch.step()
    assert len(plant.store.after("0-0", 10)) == 1


class Blind:
    """A plant that cannot be looked at."""

    def __init__(self) -> None:
        self.looks = 0

    def missing(self) -> dict[str, str]:
        self.looks += 1
        raise ValueError("a bug")


def test_the_watch_of_the_plant_goes_on_after_an_internal_error(client: redis.Redis, tmp_path: Path) -> None:
    plant, view = Plant(client, tmp_path), Blind()
    watch = PlantWatch(Settings(), cast(PlantView, view), plant.store, plant.desk)
    watch.start()
    try:
        wait_until(lambda: view.looks == 2)
    finally:
        watch.close()
