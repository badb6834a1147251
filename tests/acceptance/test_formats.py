"""Payload formats, compression and fuel as settings of machines and profiles, with a real API and worker."""

import gzip
import json
import zlib
from datetime import UTC, datetime
from itertools import count
from typing import Any

import cbor2
import msgspec
import pika
import pytest

from pipeline import wire
from sandbox.limits import Limits
from tests.support.installation import Installation
from tests.support.waiting import wait_until


def gzipped(content: bytes) -> bytes:
    # Without the time, so that every process collects the same tests.
    return gzip.compress(content, mtime=0)


#: The readings of a sensor in each format: a temperature of 21.5, and what the logic returns for it.
SHOW = "def process(data, state): return {'data': str(data)}"
DECODE = "import struct\n\ndef process(data, state): return {'t': struct.unpack('>Bh', data)[1] / 10}"


_numbers = count()


@pytest.fixture
def m() -> str:
    """The beginning of the names of a test's machines."""
    return f"f{next(_numbers)}-"


def configure(plant: Installation, path: str, **settings: Any) -> None:
    answer = plant.client.put(f"{path}/settings", json=settings)
    assert answer.status_code == 200, answer.text


def publish(plant: Installation, machine: str, *bodies: bytes) -> None:
    with pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for body in bodies:
            channel.basic_publish(wire.INGEST_EXCHANGE, wire.data_key(machine), body)


def outcomes(plant: Installation, machine: str, *bodies: bytes) -> list[dict[str, Any]]:
    """Return the processed readings after these were published."""
    before = len(plant.client.get(f"/machines/{machine}/readings").json()["readings"])
    publish(plant, machine, *bodies)

    def kept() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = plant.client.get(f"/machines/{machine}/readings").json()["readings"]
        return found

    wait_until(lambda: len(kept()) == before + len(bodies))
    return kept()[::-1][before:]


@pytest.mark.parametrize(
    ("settings", "body", "seen"),
    [
        ({}, b'{"t": 21.5}', "{'t': 21.5}"),
        ({"format": "text"}, "21,5 °C".encode(), "21,5 °C"),
        ({"format": "text"}, b"\xef\xbb\xbf21,5", "21,5"),
        ({"format": "binary"}, b"\x01\x00\xd7", "b'\\x01\\x00\\xd7'"),
        ({"format": "binary"}, b"", "b''"),
        ({"format": "cbor"}, cbor2.dumps({"t": 21.5, "raw": b"\x01"}), "{'t': 21.5, 'raw': b'\\x01'}"),
        ({"format": "cbor"}, b"\xd9\xd9\xf7" + cbor2.dumps([1, cbor2.undefined]), "[1, None]"),
        ({"format": "cbor"}, cbor2.dumps({-2: "urn:dev:ow:1"}), "{-2: 'urn:dev:ow:1'}"),
        (
            {"format": "msgpack"},
            msgspec.msgpack.encode({"t": 21.5, "n": 2**63}),
            f"{{'t': 21.5, 'n': {2**63}}}",
        ),
        ({"compression": "gzip"}, gzipped(b'{"t": 21.5}'), "{'t': 21.5}"),
        ({"compression": "zlib", "format": "text"}, zlib.compress(b"21.5"), "21.5"),
        ({"compression": "gzip", "format": "cbor"}, gzipped(cbor2.dumps([21.5])), "[21.5]"),
    ],
)
def test_a_reading_in_each_format_reaches_the_logic(
    plant: Installation, m: str, settings: dict[str, Any], body: bytes, seen: str
) -> None:
    plant.upload(f"{m}1", SHOW)
    configure(plant, f"/machines/{m}1", **settings)

    [reading] = outcomes(plant, f"{m}1", body)

    assert reading["outcome"] == "ok", reading
    assert reading["results"] == [{"data": seen}]


def test_a_time_in_cbor_is_a_datetime(plant: Installation, m: str) -> None:
    plant.upload(
        f"{m}1", "def process(data, state): return {'year': data['at'].year, 'at': data['at'].isoformat()}"
    )
    configure(plant, f"/machines/{m}1", format="cbor")

    [reading] = outcomes(plant, f"{m}1", cbor2.dumps({"at": datetime(2026, 3, 4, tzinfo=UTC)}))

    assert reading["results"] == [{"year": 2026, "at": "2026-03-04T00:00:00+00:00"}]


@pytest.mark.parametrize(
    ("settings", "body", "named"),
    [
        ({"format": "text"}, b"21 \xb0C", ["UTF-8", "byte 3", "[b0]"]),
        ({"format": "cbor"}, b"\xa1\x61t\xfb\x40", ["CBOR", "ends too early", "fb"]),
        ({"format": "cbor"}, cbor2.dumps(1) + b"\x00", ["CBOR", "byte 1", "[00]"]),
        ({"format": "cbor"}, b"\xd8\x1c\x82\xd8\x1d\x00\xd8\x1d\x00", ["CBOR", "tag 29"]),
        ({"format": "cbor"}, b"\x81" * 100 + b"\x01", ["CBOR", "depth"]),
        ({"format": "cbor"}, cbor2.dumps({(1, 2): 3}), ["CBOR", "key"]),
        ({"format": "msgpack"}, b"\x92\x01", ["MessagePack", "ends too early"]),
        ({"format": "msgpack"}, b"\x01\xff", ["MessagePack", "byte 1"]),
        ({"format": "msgpack"}, b"\xd4\x05\x01", ["MessagePack", "extension type 5"]),
        ({"compression": "gzip"}, b'{"t": 21.5}', ["gzip", "7b"]),
        ({"compression": "gzip"}, gzipped(b"1")[:-4], ["gzip", "not complete", "byte 17"]),
        ({"compression": "zlib"}, zlib.compress(b"1") + b"xy", ["zlib", "byte 9", "[78] 79"]),
        (
            {"compression": "gzip", "format": "text"},
            gzipped(b"0" * 10**7),
            ["262,144", "reading_bytes"],
        ),
    ],
)
def test_a_reading_that_is_not_in_its_format_becomes_a_dead_letter_that_names_it(
    plant: Installation, m: str, settings: dict[str, Any], body: bytes, named: list[str]
) -> None:
    plant.upload(f"{m}1", SHOW)
    configure(plant, f"/machines/{m}1", **settings)

    publish(plant, f"{m}1", body)

    wait_until(lambda: plant.dead_letters(machine=f"{m}1"))
    [(letter, kept)] = plant.dead_letters(machine=f"{m}1")
    assert letter["kind"] == "invalid-payload"
    assert kept == body
    assert all(each in letter["message"] for each in named), letter["message"]
    assert plant.dead_letters(machine=f"{m}1", kind="invalid-payload")


def test_a_profile_sets_the_format_of_its_machines_and_a_machine_may_differ(
    plant: Installation, m: str
) -> None:
    assert plant.client.put(f"/profiles/{m}sensors/logic", json={"logic": DECODE}).status_code == 200
    configure(plant, f"/profiles/{m}sensors", format="binary")
    for machine in (f"{m}1", f"{m}2", f"{m}3"):
        plant.client.put(f"/machines/{machine}/profile", json={"profile": f"{m}sensors"})
    # This one has a logic of its own, and the same device.
    plant.upload(f"{m}2", "def process(data, state): return {'bytes': len(data)}")
    configure(plant, f"/machines/{m}3", format="text")

    assert outcomes(plant, f"{m}1", b"\x01\x00\xd7")[0]["results"] == [{"t": 21.5}]
    assert outcomes(plant, f"{m}2", b"\x01\x00\xd7")[0]["results"] == [{"bytes": 3}]
    assert outcomes(plant, f"{m}3", b"\x01\x00\xd7")[0]["outcome"] == "invalid-payload"


def test_fuel_is_set_within_the_bound_of_the_installation(plant: Installation, m: str) -> None:
    limits = Limits()
    plant.upload(
        f"{m}1", "def process(data, state):\n    for i in range(15_000):\n        for _ in range(8): pass"
    )
    plant.client.put(f"/machines/{m}1/config", json={})

    assert outcomes(plant, f"{m}1", b"1")[0]["error"]["limit"] == "fuel"
    configure(plant, f"/machines/{m}1", fuel=limits.fuel_max)
    assert [each["outcome"] for each in outcomes(plant, f"{m}1", b"2")] == ["ok"]
    configure(plant, f"/machines/{m}1", fuel=1_000)
    assert "1,000 ticks" in outcomes(plant, f"{m}1", b"3")[0]["error"]["message"]
    refused = plant.client.put(f"/machines/{m}1/settings", json={"fuel": limits.fuel_max + 1})
    assert refused.status_code == 422
    assert f"{limits.fuel_max:,}" in refused.json()["detail"]


def test_settings_are_read_and_changed_with_their_tag(plant: Installation, m: str) -> None:
    client = plant.client
    assert client.get(f"/machines/{m}1/settings").status_code == 404
    assert client.put(f"/machines/{m}1/settings", json={"format": "cbor"}).json() == {"format": "cbor"}
    first = client.get(f"/machines/{m}1/settings")
    assert first.json() == {"format": "cbor"}
    tag = {"If-Match": first.headers["ETag"]}

    assert client.put(f"/machines/{m}1/settings", json={"format": "text"}, headers=tag).status_code == 200
    assert client.put(f"/machines/{m}1/settings", json={}, headers=tag).status_code == 412
    assert client.get(f"/machines/{m}1/settings").json() == {"format": "text"}
    refused: list[Any] = [{"format": "xml"}, {"fuel": 1}, {"fromat": "text"}, [], {"compression": "lz4"}]
    refused += [{"silent_after_seconds": each} for each in (0, 366 * 86_400 + 1, "60", 1.5)]
    for wrong in refused:
        assert client.put(f"/machines/{m}1/settings", json=wrong).status_code == 400
    assert client.get("/profiles/p1/settings").status_code == 404
    assert client.put(f"/profiles/{m}new/settings", json={"fuel": 5_000}).status_code == 200
    assert client.get(f"/profiles/{m}new/settings").json() == {"fuel": 5_000}
    actions = [each["action"] for each in client.get("/audit").json()["changes"]]
    assert actions.count("machine.settings") >= 2


def test_a_posted_reading_is_refused_at_once_only_if_it_should_be_json(plant: Installation, m: str) -> None:
    plant.upload(f"{m}1", SHOW)
    plant.upload(f"{m}2", SHOW)
    configure(plant, f"/machines/{m}2", format="binary")
    octets = {"Content-Type": "application/octet-stream"}

    assert plant.client.post(f"/machines/{m}1/data", content=b"\x01\x02", headers=octets).status_code == 400
    assert plant.client.post(f"/machines/{m}2/data", content=b"\x01\x02", headers=octets).status_code == 202
    long = b"\x00" * (Limits().reading_bytes + 1)
    assert plant.client.post(f"/machines/{m}2/data", content=long, headers=octets).status_code == 413
    wait_until(lambda: plant.client.get(f"/machines/{m}2/readings").json()["readings"])
    [reading] = plant.client.get(f"/machines/{m}2/readings").json()["readings"]
    assert reading["results"] == [{"data": "b'\\x01\\x02'"}]


def test_a_trial_and_an_example_write_a_binary_reading_in_hex(plant: Installation, m: str) -> None:
    client = plant.client
    example = {"name": "21.5 °C", "format": "binary", "readings": ["01 00 d7"], "results": [{"t": 21.5}]}

    tried = client.post("/logic/test", json={"logic": DECODE, "readings": ["0100d7"], "format": "binary"})
    assert tried.json()["readings"][0]["results"] == [{"t": 21.5}]
    assert tried.json()["readings"][0]["reading"] == "01 00 d7"
    wrong = client.post("/logic/test", json={"logic": DECODE, "readings": ["01 0g"], "format": "binary"})
    assert wrong.status_code == 422
    assert "in hex" in wrong.json()["detail"]
    accepted = client.put(f"/machines/{m}1/logic", json={"logic": DECODE, "examples": [example]})
    assert accepted.status_code == 200, accepted.text
    refused = client.put(
        f"/machines/{m}1/logic", json={"logic": DECODE, "examples": [example | {"results": [{"t": 2}]}]}
    )
    assert refused.status_code == 422
    unwritten = client.put(
        f"/machines/{m}1/logic", json={"logic": DECODE, "examples": [example | {"readings": [[1, 0, 215]]}]}
    )
    assert "in hex" in json.dumps(unwritten.json())


def test_a_trial_on_a_machine_uses_its_settings_and_its_readings_as_they_were_sent(
    plant: Installation, m: str
) -> None:
    plant.upload(f"{m}1", DECODE)
    configure(plant, f"/machines/{m}1", format="binary", compression="zlib")
    outcomes(plant, f"{m}1", zlib.compress(b"\x01\x00\xd7"))

    tried = plant.client.post(f"/machines/{m}1/logic/test", json={}).json()

    assert tried["readings"][0]["results"] == [{"t": 21.5}]
    given = {"readings": [zlib.compress(b"\x01\x00\xd8").hex()]}
    tried = plant.client.post(f"/machines/{m}1/logic/test", json=given).json()
    assert tried["readings"][0]["results"] == [{"t": 21.6}]
