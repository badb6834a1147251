"""Templates pass their examples in the sandbox, give what Python gives, and fail on damaged readings."""

import json
import random
import struct
from collections.abc import Callable, Iterator
from functools import reduce
from math import pi, sin
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from pipeline.model.machine_settings import NO_SETTINGS, MachineSettings
from pipeline.templates.library import Template, templates
from pipeline.trials.examples import cases, encoded, mismatches
from pipeline.trials.runner import run_alone
from pipeline.trials.trial import Trial
from pipeline.trials.written import sent_reading
from sandbox.job import Logic
from sandbox.limits import Limits
from sandbox.parent.sandbox import Sandbox

TEMPLATES = templates()


class Outcome(NamedTuple):
    """The results of a reading and the state after it, or its error: `ValueError: the CRC is …`."""

    results: list[Any]
    state: Any
    error: str | None


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(params=TEMPLATES.values(), ids=lambda template: template.name)
def template(request: pytest.FixtureRequest) -> Template:
    each: Template = request.param
    return each


def in_the_sandbox(
    sandbox: Sandbox,
    template: Template,
    readings: list[bytes],
    state: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
) -> list[Outcome]:
    """Return the outcome of each reading in the sandbox."""
    checked = sandbox.check(template.logic)
    assert checked.code is not None, checked.problems
    logic = replace(Logic.of(template.logic), code=checked.code)
    trial = Trial(sandbox, logic, encode(state or {}), encode(config or {}), template.settings)
    outcomes = list[Outcome]()
    for reading in readings:
        [tried] = trial.step(reading)
        results = [json.loads(bytes(result)) for result in tried.results]
        outcomes.append(
            Outcome(results, json.loads(bytes(tried.state)), tried.error.message if tried.error else None)
        )
    return outcomes


def in_python(
    template: Template,
    readings: list[bytes],
    state: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
) -> list[Outcome]:
    """Return the outcome of each reading in plain Python."""
    names: dict[str, Any] = {"config": config or {}}
    exec(template.logic, names)  # noqa: S102 - our own sources
    kept = encode(state or {})
    outcomes = list[Outcome]()
    for reading in readings:
        changed = json.loads(kept)
        try:
            returned = names["process"](data_of(reading, template.settings), changed)
        except Exception as error:  # noqa: BLE001 - any error of Python is compared
            outcomes.append(Outcome([], json.loads(kept), f"{type(error).__name__}: {error}"))
        else:
            kept = encode(changed)
            results = [] if returned is None else returned if isinstance(returned, list) else [returned]
            outcomes.append(Outcome(json.loads(encode(results)), json.loads(kept), None))
    return outcomes


def encode(value: Any) -> bytes:
    return json.dumps(value).encode()


def data_of(reading: bytes, settings: MachineSettings) -> Any:
    """Return `data` for a reading."""
    match settings.format:
        case "binary":
            return reading
        case "text":
            return reading.decode()
        case _:
            return json.loads(reading)


def assert_equal(ours: list[Outcome], pythons: list[Outcome]) -> None:
    """Fail unless the outcomes are equal. Of Python's own errors, only the kind must be equal."""
    for one, other in zip(ours, pythons, strict=True):
        assert (one.results, one.state) == (other.results, other.state)
        if one.error is None or other.error is None or other.error.startswith("ValueError: "):
            assert one.error == other.error
        else:
            assert one.error.partition(":")[0] == other.error.partition(":")[0]


def test_there_are_ten_templates_with_titles_descriptions_and_examples() -> None:
    assert list(TEMPLATES) == [
        "counter-rollover",
        "dragino-lht65",
        "elsys",
        "energy-from-power",
        "ewon-rows",
        "milesight",
        "modbus-frame",
        "p1-telegram",
        "run-hours",
        "vibration-fft",
    ]
    assert len({each.title for each in TEMPLATES.values()}) == len(TEMPLATES)
    for each in TEMPLATES.values():
        assert each.title[-1].isalnum()
        assert each.description.endswith(".")
        assert each.description.count(". ") == 0
        assert len(each.examples) >= 3


def test_a_template_passes_the_check_and_its_examples(sandbox: Sandbox, template: Template) -> None:
    assert encoded(template.examples)
    ready, wrong = cases(template.examples, Limits())
    assert wrong == []

    ran = run_alone(sandbox, template.logic, ready)

    assert ran.problems == ()
    assert mismatches(template.examples, ran) == []


def test_the_examples_have_the_format_that_the_template_needs(template: Template) -> None:
    assert template.settings in (NO_SETTINGS, MachineSettings(format=template.settings.format))
    assert {each.format for each in template.examples} == {template.settings.format or "json"}


def test_a_template_gives_what_python_gives_for_its_examples(sandbox: Sandbox, template: Template) -> None:
    for example in template.examples:
        readings = [sent_reading(reading, template.settings) for reading in example.readings or ()]
        given = (template, readings, example.state, example.config)

        ours = in_the_sandbox(sandbox, *given)

        assert_equal(ours, in_python(*given))


def test_an_example_shows_damaged_readings_that_fail_and_change_nothing(template: Template) -> None:
    [example] = [each for each in template.examples if "broken" in each.name or "damaged" in each.name]

    assert example.results is not None
    assert len(example.results) >= 3
    for result in example.results:
        assert isinstance(result, dict)
        assert list(result) == ["error"]
        assert result["error"]


def test_a_template_gives_what_python_gives_for_changed_readings(
    sandbox: Sandbox, template: Template
) -> None:
    source = random.Random(7)
    known = [
        sent_reading(reading, template.settings)
        for example in template.examples
        for reading in example.readings or ()
    ]
    readings = [usable(changed(source.choice(known), source), template.settings) for _ in range(100)]

    ours = in_the_sandbox(sandbox, template, readings)

    assert_equal(ours, in_python(template, readings))
    assert any(each.error for each in ours)


def changed(reading: bytes, source: random.Random) -> bytes:
    """Return a reading with a byte changed, lost or added, cut off, or twice."""
    at = source.randrange(len(reading) + 1)
    match source.randrange(5):
        case 0:
            return reading[:at] + source.randbytes(1) + reading[at + 1 :]
        case 1:
            return reading[:at] + reading[at + 1 :]
        case 2:
            return reading[:at] + source.randbytes(1) + reading[at:]
        case 3:
            return reading[:at]
        case _:
            return reading + reading


def usable(reading: bytes, settings: MachineSettings) -> bytes:
    """Return a reading, or an empty one if it is not valid in its format and so never reaches the logic."""
    try:
        value = data_of(reading, settings)
    except ValueError:
        return b'""' if settings.is_plain_json else b""
    return encode(value) if settings.is_plain_json else reading


def crc16(frame: bytes, crc: int) -> int:
    """Return the CRC-16 of Modbus and P1, bit by bit, as the polynomial x^16 + x^15 + x^2 + 1 defines it."""
    for byte in frame:
        for bit in range(8):
            feedback = (crc ^ byte >> bit) & 1
            crc = crc >> 1 ^ (0xA001 if feedback else 0)
    return crc


def milesight(source: random.Random) -> tuple[bytes, dict[str, Any]]:
    t, h, b = source.randint(-400, 850), source.randint(0, 200), source.randint(0, 100)
    co2 = source.getrandbits(16)
    parts: list[tuple[bytes, dict[str, Any]]] = [
        (b"\x01\x75" + bytes([b]), {"battery": b}),
        (b"\x03\x67" + t.to_bytes(2, "little", signed=True), {"temperature": t / 10}),
        (b"\x04\x68" + bytes([h]), {"humidity": h / 2}),
        (b"\x07\x7d" + co2.to_bytes(2, "little"), {"co2": co2}),
    ]
    return joined(source.sample(parts, source.randint(1, 4)))


def elsys(source: random.Random) -> tuple[bytes, dict[str, Any]]:
    t, light, pulses = source.randint(-400, 850), source.getrandbits(16), source.getrandbits(32)
    h, motion = source.randint(0, 100), source.getrandbits(8)
    parts: list[tuple[bytes, dict[str, Any]]] = [
        (b"\x01" + t.to_bytes(2, "big", signed=True), {"temperature": t / 10}),
        (bytes([2, h]), {"humidity": h}),
        (b"\x04" + light.to_bytes(2, "big"), {"light": light}),
        (bytes([5, motion]), {"motion": motion}),
        (b"\x0b" + pulses.to_bytes(4, "big"), {"total_pulses1": pulses}),
    ]
    return joined(source.sample(parts, source.randint(1, 5)))


def joined(parts: list[tuple[bytes, dict[str, Any]]]) -> tuple[bytes, dict[str, Any]]:
    """Return a payload of these parts, and its result."""
    return b"".join(part for part, _ in parts), reduce(lambda a, b: a | b, (result for _, result in parts))


def dragino(source: random.Random) -> tuple[bytes, dict[str, Any]]:
    state, battery, t = source.randrange(4), source.randint(2400, 3600), source.randint(-4000, 8500)
    h, probe = source.randint(0, 1000), source.randint(-5500, 12500)
    head = (state << 14 | battery).to_bytes(2, "big") + t.to_bytes(2, "big", signed=True)
    payload = head + h.to_bytes(2, "big") + b"\x01" + probe.to_bytes(2, "big", signed=True) + b"\x7f\xff"
    return payload, {
        "battery": battery / 1000,
        "battery_state": state,
        "temperature": t / 100,
        "humidity": h / 10,
        "external_temperature": probe / 100,
    }


def modbus(source: random.Random) -> tuple[bytes, dict[str, Any]]:
    device, voltage, current = source.randint(1, 247), source.randint(0, 65535), source.randint(-32768, 32767)
    power, energy = source.randint(-4000, 4000) / 8, source.getrandbits(30)
    body = bytes([device, source.choice([3, 4]), 12]) + struct.pack(">HhfI", voltage, current, power, energy)
    result = {"device": device, "voltage": voltage / 10, "current": current / 100, "power": power}
    return body + crc16(body, 0xFFFF).to_bytes(2, "little"), result | {"energy": energy / 10}


def p1(source: random.Random) -> tuple[bytes, dict[str, Any]]:
    energy, power = source.randrange(10**9), source.randrange(10**5)
    telegram = (
        f"/TEST\r\n\r\n1-0:1.8.1({energy // 1000:06}.{energy % 1000:03}*kWh)\r\n"
        f"1-0:1.7.0({power // 1000:02}.{power % 1000:03}*kW)\r\n!"
    ).encode()
    result = {"import_1_kwh": energy / 1000, "import_kw": power / 1000}
    return telegram + f"{crc16(telegram, 0):04X}\r\n".encode(), result


FRAMES: dict[str, Callable[[random.Random], tuple[bytes, dict[str, Any]]]] = {
    "milesight": milesight,
    "elsys": elsys,
    "dragino-lht65": dragino,
    "modbus-frame": modbus,
    "p1-telegram": p1,
}


@pytest.mark.parametrize("name", FRAMES)
def test_random_valid_readings_are_decoded_to_their_values(sandbox: Sandbox, name: str) -> None:
    source = random.Random(7)
    frames = [FRAMES[name](source) for _ in range(100)]

    outcomes = in_the_sandbox(sandbox, TEMPLATES[name], [frame for frame, _ in frames])

    for outcome, (_, expected) in zip(outcomes, frames, strict=True):
        assert outcome.error is None
        [result] = outcome.results
        assert result == pytest.approx(expected)
        assert result.keys() == expected.keys()


@pytest.mark.parametrize("name", ["modbus-frame", "p1-telegram"])
def test_a_frame_with_any_changed_bit_fails(sandbox: Sandbox, name: str) -> None:
    frame, _ = FRAMES[name](random.Random(7))
    # The CRC of a telegram may also have small letters, which is a change of a bit. And with the highest bit,
    # a byte is not valid UTF-8.
    size, bits = (len(frame.rstrip()) - 4, 7) if name == "p1-telegram" else (len(frame), 8)
    damaged = [
        frame[:at] + bytes([frame[at] ^ 1 << bit]) + frame[at + 1 :]
        for at in range(size)
        for bit in range(bits)
    ]

    outcomes = in_the_sandbox(sandbox, TEMPLATES[name], damaged)

    assert all((each.error or "").startswith("ValueError: ") for each in outcomes)


@pytest.mark.parametrize("name", ["dragino-lht65", "modbus-frame", "p1-telegram"])
def test_a_frame_that_is_cut_off_fails(sandbox: Sandbox, name: str) -> None:
    frame, _ = FRAMES[name](random.Random(7))
    parts = [frame[:size] for size in range(len(frame.rstrip()))]

    outcomes = in_the_sandbox(sandbox, TEMPLATES[name], parts)

    assert all((each.error or "").startswith("ValueError: ") for each in outcomes)


@pytest.mark.parametrize("name", ["milesight", "elsys"])
def test_a_payload_that_is_cut_off_fails_unless_whole_values_are_left(sandbox: Sandbox, name: str) -> None:
    source = random.Random(7)
    frames = [FRAMES[name](source) for _ in range(20)]
    parts = [(frame[:size], result) for frame, result in frames for size in range(len(frame))]

    outcomes = in_the_sandbox(sandbox, TEMPLATES[name], [part for part, _ in parts])

    for outcome, (_, whole) in zip(outcomes, parts, strict=True):
        if outcome.error is None:
            [result] = outcome.results
            assert result.items() <= whole.items()
        else:
            assert outcome.error.startswith("ValueError: ")
    assert any(each.error for each in outcomes)


def test_a_counter_counts_every_step_over_its_rollovers(sandbox: Sandbox) -> None:
    source = random.Random(7)
    steps = [source.randrange(30_000) for _ in range(100)]
    counts = [sum(steps[:number]) % 2**16 for number in range(1, len(steps) + 1)]

    outcomes = in_the_sandbox(
        sandbox, TEMPLATES["counter-rollover"], [encode({"count": count}) for count in counts]
    )

    assert [each.results[0]["total"] for each in outcomes] == [
        sum(steps[1:number]) for number in range(1, len(steps) + 1)
    ]
    assert sum(steps) > 2**16


@pytest.mark.parametrize("size", [16, 128, 1024])
def test_a_spectrum_has_the_frequency_and_amplitude_of_a_wave(sandbox: Sandbox, size: int) -> None:
    line = size // 4
    wave = [round(0.5 * 4096 * sin(2 * pi * line * n / size + 1)) for n in range(size)]

    [outcome] = in_the_sandbox(sandbox, TEMPLATES["vibration-fft"], [struct.pack(f"<{size}h", *wave)])

    assert outcome.error is None
    [found] = outcome.results[0]["frequencies"]
    assert found["hz"] == line * 1600 / size
    assert found["amplitude"] == pytest.approx(0.5, abs=0.001)
