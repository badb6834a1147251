import json
from pathlib import Path

import pytest

from devices.errors import RecordingError
from devices.recording import Recording


def bodies(path: Path, content: bytes) -> list[bytes]:
    path.write_bytes(content)
    recording = Recording(path, "press", None)
    shipments = list(recording)
    assert recording.total == len(shipments)
    assert {each.machine for each in shipments} == {"press"}
    return [each.body for each in shipments]


def refused(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(RecordingError) as refusal:
        Recording(path, "press", None)
    return str(refusal.value)


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return tmp_path / "readings.csv"


@pytest.fixture
def jsonl(tmp_path: Path) -> Path:
    return tmp_path / "readings.jsonl"


def test_numbers_become_numbers_and_other_values_become_text(csv: Path) -> None:
    [body] = bodies(csv, b"a,b,c,d,e\n1,-2.50,1e3,on,\n")
    assert json.loads(body) == {"a": 1, "b": -2.5, "c": 1000, "d": "on", "e": ""}


def test_numbers_keep_their_digits(csv: Path) -> None:
    [body] = bodies(csv, b"value\n74.93588199999998000\n")
    assert body == b'{"value":74.93588199999998000}'


@pytest.mark.parametrize(
    "text", ["007", "1_000", "NaN", "inf", "1e999", "+5", "0x10", " 5", "1,5", "٣", "True"]
)
def test_a_value_that_is_not_a_json_number_stays_text(csv: Path, text: str) -> None:
    [body] = bodies(csv, f'value\n"{text}"\n'.encode())
    assert json.loads(body) == {"value": text}


def test_quotes_line_ends_and_byte_order_marks_of_spreadsheets_are_parsed(csv: Path) -> None:
    content = '\ufeffname,note\r\nä,"two\nlines, one field"\r\n\r\nb,"a ""quote"""\r\n'.encode()
    assert [json.loads(body) for body in bodies(csv, content)] == [
        {"name": "ä", "note": "two\nlines, one field"},
        {"name": "b", "note": 'a "quote"'},
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,2\n3\n", "line 3: the row has 1 fields, but the header has 2"),
        (b"a,b\n1,2\n3,4,5\n", "line 3: the row has 3 fields, but the header has 2"),
        (b'a,b\n1,"2\n', "line 2: invalid CSV"),
        (b"a,a\n1,2\n", "line 1: the header has the name 'a' twice"),
        (b"a,\n1,2\n", "line 1: field 2 of the header has no name"),
        (b"1,2\n3,4\n", "line 1: the header row is missing"),
        (b"a,b\n", "contains no readings"),
        (b"", "contains no readings"),
        (b"a,b\n1,\xff\n", "is not UTF-8"),
    ],
)
def test_a_bad_csv_is_refused_before_anything_is_sent(csv: Path, content: bytes, message: str) -> None:
    assert message in refused(csv, content)


def test_lines_are_sent_byte_for_byte(jsonl: Path) -> None:
    content = b'{"b": 1,  "a":2.50}\n\n[1]\r\nnot json \xff\n{"last": "without a line end"}'
    assert bodies(jsonl, content) == [
        b'{"b": 1,  "a":2.50}',
        b"[1]",
        b"not json \xff",
        b'{"last": "without a line end"}',
    ]


def test_a_rate_makes_a_schedule_without_drift(jsonl: Path) -> None:
    jsonl.write_bytes(b"1\n" * 1001)
    dues = [each.due for each in Recording(jsonl, "press", 100.0)]
    assert dues[0] == 0
    assert dues[1000] == 10.0
    assert {each.due for each in Recording(jsonl, "press", None)} == {0.0}


def test_other_files_are_refused_by_name(tmp_path: Path) -> None:
    assert "Use .csv" in refused(tmp_path / "readings.xml", b"<a/>")
    with pytest.raises(RecordingError, match="cannot be read: No such file"):
        Recording(tmp_path / "missing.csv", "press", None)
