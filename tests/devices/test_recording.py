import json
from pathlib import Path

import pytest

from devices.csv_file import CsvFormat
from devices.errors import RecordingError
from devices.recording import Pace, Recording


def bodies(path: Path, content: bytes, form: CsvFormat | None = None) -> list[bytes]:
    path.write_bytes(content)
    recording = Recording(path, "press", Pace(), form)
    shipments = list(recording)
    assert recording.total == len(shipments)
    assert {each.machine for each in shipments} == {"press"}
    return [each.body for each in shipments]


def refused(path: Path, content: bytes, form: CsvFormat | None = None, time: str | None = None) -> str:
    path.write_bytes(content)
    with pytest.raises(RecordingError) as refusal:
        Recording(path, "press", Pace(time=time), form)
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
    dues = [each.due for each in Recording(jsonl, "press", Pace(100.0))]
    assert dues[0] == 0
    assert dues[1000] == 10.0
    assert {each.due for each in Recording(jsonl, "press", Pace())} == {0.0}


def test_other_files_are_refused_by_name(tmp_path: Path) -> None:
    assert "Use .csv" in refused(tmp_path / "readings.xml", b"<a/>")
    with pytest.raises(RecordingError, match="cannot be read: No such file"):
        Recording(tmp_path / "missing.csv", "press", Pace())


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (b"a;b\n1.5;2\n", CsvFormat()),
        (b"a\tb\n1.5\t2\n", CsvFormat()),
        (b"a;b\n1,5;2\n", CsvFormat(decimal=",")),
        (b"a|b\n1.5|2\n", CsvFormat(delimiter="|")),
        (b'"a";b\r\n"1.5";2\r\n', CsvFormat()),
        ("\ufeffa;b\n1,5;2\n".encode(), CsvFormat(decimal=",")),
        ("a;b\n1.5;2\n".encode("utf-16"), CsvFormat(encoding="utf-16")),
    ],
)
def test_a_file_of_another_program_is_read(csv: Path, content: bytes, form: CsvFormat) -> None:
    assert bodies(csv, content, form) == [b'{"a":1.5,"b":2}']


def test_a_delimiter_is_found_in_the_header_and_not_in_a_quoted_name(csv: Path) -> None:
    assert bodies(csv, b'"a;b;c",d\n1,2\n') == [b'{"a;b;c":1,"d":2}']
    assert bodies(csv, b"only\n1\n") == [b'{"only":1}']


def test_a_file_in_another_encoding_needs_its_name(csv: Path) -> None:
    content = "Gerät;°C\nSäge;21,5\n".encode("cp1252")

    assert "is not UTF-8" in (said := refused(csv, content))
    assert "--encoding cp1252" in said
    [body] = bodies(csv, content, CsvFormat(decimal=",", encoding="cp1252"))
    assert json.loads(body) == {"Gerät": "Säge", "°C": 21.5}


def test_a_column_can_have_a_type(csv: Path) -> None:
    form = CsvFormat(types={"serial": "text", "n": "number", "on": "boolean"})
    content = b"serial,n,on,note\n4711, 5,1,\n7,,true,7\n,1e2,,x\n"

    assert bodies(csv, content, form) == [
        b'{"serial":"4711","n":5,"on":true,"note":""}',
        b'{"serial":"7","n":null,"on":true,"note":7}',
        b'{"serial":"","n":1e2,"on":null,"note":"x"}',
    ]


@pytest.mark.parametrize(
    ("content", "form", "message"),
    [
        (b"a;b\n1;2\n", CsvFormat(","), "the header has a single field, but it contains a semicolon. Use"),
        (b"a\tb\n1\t2\n", CsvFormat(","), "it contains a tab. Use --delimiter tab"),
        (b"a,b\n1,2\n", CsvFormat(";"), "it contains a comma. Use --delimiter ','"),
        (b"a,b\n1,x\n", CsvFormat(types={"b": "number"}), "line 2: 'b' has 'x', which is not a number"),
        (b"a,b\n1,maybe\n", CsvFormat(types={"b": "boolean"}), "'b' has 'maybe', which is not true, false"),
        (b"a,b\n1,2\n", CsvFormat(types={"c": "text"}), "no column 'c'. The columns are a, b"),
        (b"a;b\n1.000,5;2\n", CsvFormat(decimal=",", types={"a": "number"}), "'1.000,5', which is not"),
    ],
)
def test_a_file_that_does_not_fit_its_description_is_refused(
    csv: Path, content: bytes, form: CsvFormat, message: str
) -> None:
    assert message in refused(csv, content, form)


def test_a_byte_order_mark_is_no_part_of_the_first_line(jsonl: Path) -> None:
    assert bodies(jsonl, b'\xef\xbb\xbf{"a": 1}\n{"a": 2}\n') == [b'{"a": 1}', b'{"a": 2}']


def test_a_description_of_csv_is_refused_for_json_lines(jsonl: Path) -> None:
    assert "is not a CSV file" in refused(jsonl, b"1\n", CsvFormat(delimiter=";"))


@pytest.mark.parametrize(
    "times",
    [
        ["2026-11-29T08:00:00Z", "2026-11-29T08:00:30Z", "2026-11-29T08:00:10Z", "2026-11-29T09:01:00+01:00"],
        ["2026-11-29 08:00:00", "2026-11-29 08:00:30", "2026-11-29 08:00:10", "2026-11-29 08:01:00"],
        [1764403200, 1764403230, 1764403210.0, 1764403260],
        [1764403200000, 1764403230000, 1764403210000, 1764403260000],
    ],
)
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_readings_are_sent_at_the_recorded_pace(tmp_path: Path, kind: str, times: list[str | float]) -> None:
    """A reading whose time goes back is sent at once, in the order of the file."""
    path = tmp_path / f"readings.{kind}"
    lines = [f"at,n\n{times[0]},0"] if kind == "csv" else [json.dumps({"at": times[0], "n": 0})]
    for n, each in enumerate(times[1:], start=1):
        lines.append(f"{each},{n}" if kind == "csv" else json.dumps({"at": each, "n": n}))
    path.write_text("\n".join(lines))

    recording = Recording(path, "press", Pace(time="at", speed=2))

    assert [each.due for each in recording] == [0, 15, 15, 30]
    assert [json.loads(each.body)["n"] for each in recording] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"at,n\nsoon,1\n", "line 2: 'at' has 'soon', which is not a time in ISO 8601"),
        (b"when,n\n1,1\n", "line 2: there is no 'at', which must have the time"),
        (b"at,n\n15.12.2013 10:00,1\n", "'15.12.2013 10:00', which is not a time"),
    ],
)
def test_a_reading_without_a_time_is_refused_before_anything_is_sent(
    csv: Path, content: bytes, message: str
) -> None:
    assert message in refused(csv, content, time="at")


@pytest.mark.parametrize("line", [b"[1]", b"no json", b'{"at": true}', b'{"at": null}', b"7", b'"at"'])
def test_a_line_without_a_time_is_refused_with_its_number(jsonl: Path, line: bytes) -> None:
    assert "line 2: " in refused(jsonl, b'{"at": 1}\n' + line, time="at")
