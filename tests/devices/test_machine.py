from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice, pairwise

import msgspec
import pytest

from devices.fleet import Fleet, machine_ids
from devices.machine import MachineReading, SimulatedMachine
from devices.shipment import Shipment
from pipeline.wire import is_machine_id

START = datetime(2026, 1, 1, tzinfo=UTC)

FIRST_RELEASE = {
    "machine": "machine_A",
    "timestamp": "2026-01-01T00:06:39.000000Z",
    "sequence": 400,
    "signal": 1,
    "temperature": 55.86,
    "vibration": 0.81,
    "pressure": 6.208,
    "power": 7.49,
    "produced": 77,
    "rejected": 0,
    "fault": None,
}


def live(seconds: int, seed: int = 7, machine_id: str = "machine_A") -> list[MachineReading | None]:
    machine = SimulatedMachine(machine_id, seed, START, step=1.0)
    return [machine.next_reading() for _ in range(seconds)]


@pytest.fixture(scope="module")
def day() -> list[MachineReading | None]:
    return live(24 * 3600)


@pytest.fixture(scope="module")
def readings(day: list[MachineReading | None]) -> list[MachineReading]:
    return [reading for reading in day if reading is not None]


def test_the_same_seed_gives_the_same_readings() -> None:
    assert live(5000) == live(5000)


def test_another_seed_or_another_machine_gives_other_readings() -> None:
    assert live(100) != live(100, seed=8)
    assert live(100)[0] != live(100, machine_id="machine_B")[0]


def test_a_seed_gives_the_same_readings_as_in_the_first_release() -> None:
    """Anyone who stored a seed for a demonstration gets the same readings again."""
    reading = [each for each in live(400, seed=1) if each is not None][-1]
    assert msgspec.json.decode(msgspec.json.encode(reading)) == FIRST_RELEASE


def test_a_reading_contains_its_machine_time_and_number(readings: list[MachineReading]) -> None:
    assert readings[0].machine == "machine_A"
    assert readings[0].timestamp == "2026-01-01T00:00:00.000000Z"
    assert readings[0].sequence == 1
    for reading in readings:
        since = datetime.fromisoformat(reading.timestamp) - START
        assert since.total_seconds() == reading.sequence - 1


def test_every_fault_occurs_and_stops_the_machine(readings: list[MachineReading]) -> None:
    faults = {reading.fault for reading in readings}
    assert faults == {None, "E01_OVERHEAT", "E02_PRESSURE_LOSS", "E03_JAM", "E04_VIBRATION"}
    assert all(reading.signal == 0 for reading in readings if reading.fault)
    assert all(reading.fault is None for reading in readings[-600:] if reading.signal)


def test_each_fault_shows_in_its_sensor(readings: list[MachineReading]) -> None:
    assert max(each.temperature for each in readings if each.fault == "E01_OVERHEAT") > 75
    assert min(each.pressure for each in readings if each.fault == "E02_PRESSURE_LOSS") < 1
    assert min(each.power for each in readings if each.fault == "E03_JAM") > 10
    assert min(each.vibration for each in readings if each.fault == "E04_VIBRATION") > 4.5


def test_it_works_in_cycles_and_counts_parts_only_while_it_runs(readings: list[MachineReading]) -> None:
    starts = sum(after.signal > before.signal for before, after in pairwise(readings))
    assert starts > 100
    for before, after in pairwise(readings):
        assert after.produced >= before.produced
        assert after.rejected >= before.rejected
        if after.sequence == before.sequence + 1 and not after.signal:
            assert after.produced == before.produced
    assert 0 < readings[-1].rejected < readings[-1].produced / 10


def test_it_warms_up_slowly() -> None:
    first_run = [each for each in live(60) if each is not None and each.signal]
    assert first_run[0].temperature < 30
    assert first_run[-1].temperature > first_run[0].temperature + 10


def test_vibration_drifts_upwards_between_repairs(readings: list[MachineReading]) -> None:
    runs = list[list[float]]([[]])
    for reading in readings:
        if reading.fault:
            if runs[-1]:
                runs.append([])
        elif reading.signal:
            runs[-1].append(reading.vibration)
    longest = max(runs, key=len)
    tenth = len(longest) // 10
    assert mean(longest[-tenth:]) > mean(longest[:tenth]) + 0.1


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def test_drop_outs_leave_gaps_in_the_sequence(day: list[MachineReading | None]) -> None:
    assert 0 < day.count(None) < len(day) / 10
    sequences = [reading.sequence for reading in day if reading is not None]
    assert sequences == [number for number, each in enumerate(day, start=1) if each is not None]


def test_ids_are_letters_first_and_then_numbers() -> None:
    ids = machine_ids(28)
    assert ids[:2] == ["machine_A", "machine_B"]
    assert ids[25:] == ["machine_Z", "machine_27", "machine_28"]
    assert len(set(machine_ids(2000))) == 2000
    assert all(is_machine_id(each) for each in machine_ids(2000))


def fleet(machines: int = 4, count: int | None = None, duration: float | None = None) -> list[Shipment]:
    return list(Fleet(machine_ids(machines), 10.0, 1, START, step=1.0, count=count, duration=duration))


def test_a_fleet_gives_each_machine_its_count_in_order() -> None:
    shipments = fleet(count=900)
    assert len(shipments) == 4 * 900
    for machine_id in machine_ids(4):
        bodies = [each.body for each in shipments if each.machine == machine_id]
        sequences = [msgspec.json.decode(body)["sequence"] for body in bodies]
        assert len(bodies) == 900
        assert sequences == sorted(set(sequences))


def test_a_fleet_is_due_evenly_and_ends_after_its_duration() -> None:
    shipments = fleet(duration=2.0)
    dues = [each.due for each in shipments]
    assert dues == sorted(dues)
    assert dues[-1] < 2.0
    assert dues[:5] == pytest.approx([0, 0.025, 0.05, 0.075, 0.1])
    assert 70 <= len(shipments) <= 80


def test_a_machines_readings_do_not_depend_on_the_others() -> None:
    alone = [each.body for each in fleet(machines=1, count=50)]
    among = [each.body for each in fleet(machines=9, count=50) if each.machine == "machine_A"]
    assert alone == among


def test_an_endless_fleet_continues() -> None:
    endless = Fleet(machine_ids(2), 10.0, 1, START, step=1.0)
    assert endless.total is None
    assert len(list(islice(endless, 5000))) == 5000
