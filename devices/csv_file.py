"""The rows of a CSV file as readings. `CsvFormat` says how the file is written.

A row becomes a JSON object with the header's names as keys. If a cell is a number in JSON's syntax, that
number is sent digit for digit, because a float that is read and written again can end in other digits. All
other cells are text: `007` is an article number, not a seven.

The type of a column can be given. In a column of numbers or booleans every cell must be one, and an empty
cell becomes null. Elsewhere an empty cell is an empty text.
"""

import csv
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal, TextIO

import msgspec
from msgspec import Struct

from devices.errors import RecordingError

#: The types that a column can have.
ColumnType = Literal["number", "text", "boolean"]

#: A number in JSON's syntax (RFC 8259, section 6).
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}

#: The delimiters that are looked for in the header, the most usual one first.
_DELIMITERS: Final = {",": "a comma", ";": "a semicolon", "\t": "a tab"}


class CsvFormat(Struct, frozen=True):
    """How a CSV file is written.

    `delimiter` is None if it is to be found in the header. `decimal` is the decimal mark, `encoding` a name
    that Python knows (the default is UTF-8, with the byte order mark of spreadsheets or without), and `types`
    has the types of columns by name.
    """

    delimiter: str | None = None
    decimal: str = "."
    encoding: str = "utf-8-sig"
    types: Mapping[str, ColumnType] = {}


def csv_bodies(path: Path, form: CsvFormat) -> Iterator[tuple[int, bytes]]:
    """Yield the rows of a file as readings, each with the number of its last line.

    Raises `RecordingError` if the header or a row does not fit, and OSError and UnicodeDecodeError.
    """
    with path.open(encoding=form.encoding, newline="") as file:
        delimiter = _delimiter(path, file, form)
        rows = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            header = next(rows, [])
            _check_header(path, header, form)
            types = [form.types.get(name) for name in header]
            for row in rows:
                if not row:
                    continue
                at = f"{path}, line {rows.line_num}"
                if len(row) != len(header):
                    raise RecordingError(
                        f"{at}: the row has {len(row)} fields, but the header has {len(header)}."
                    )
                reading = {
                    name: _value(at, name, cell, kind, form.decimal)
                    for name, cell, kind in zip(header, row, types, strict=True)
                }
                yield rows.line_num, msgspec.json.encode(reading)
        except csv.Error as e:
            raise RecordingError(f"{path}, line {rows.line_num}: invalid CSV: {e}.") from e


def _delimiter(path: Path, file: TextIO, form: CsvFormat) -> str:
    """Return the delimiter: the given one, or the one that gives the header the most fields."""
    first = file.readline()
    file.seek(0)
    fields = {each: len(next(csv.reader([first], delimiter=each), [])) for each in _DELIMITERS}
    if form.delimiter is None:
        usual = [each for each in _DELIMITERS if each != form.decimal]
        return max(usual, key=lambda each: fields[each])
    other = max(fields, key=lambda each: fields[each])
    if len(next(csv.reader([first], delimiter=form.delimiter), [])) == 1 < fields[other]:
        raise RecordingError(
            f"{path}, line 1: with the delimiter {form.delimiter!r} the header has a single field, but it "
            f"contains {_DELIMITERS[other]}. Use --delimiter {'tab' if other == chr(9) else repr(other)}."
        )
    return form.delimiter


def _check_header(path: Path, header: list[str], form: CsvFormat) -> None:
    """Check that the header can name the values of a row. Raises `RecordingError`."""
    for number, name in enumerate(header, start=1):
        if not name.strip():
            raise RecordingError(f"{path}, line 1: field {number} of the header has no name.")
        if name in header[: number - 1]:
            raise RecordingError(f"{path}, line 1: the header has the name {name!r} twice.")
    if header and all(_number(name, form.decimal) for name in header):
        raise RecordingError(f"{path}, line 1: the header row is missing; all fields are numbers.")
    if missing := next((name for name in form.types if name not in header), None):
        raise RecordingError(
            f"{path}, line 1: there is no column {missing!r}. The columns are {', '.join(header)}."
        )


def _value(
    at: str, name: str, cell: str, kind: ColumnType | None, decimal: str
) -> str | bool | msgspec.Raw | None:
    if kind == "text":
        return cell
    if kind is not None and not cell.strip():
        return None
    if kind == "boolean":
        if cell.strip().lower() not in _BOOLEANS:
            raise RecordingError(f"{at}: {name!r} has {cell!r}, which is not true, false, 1 or 0.")
        return _BOOLEANS[cell.strip().lower()]
    number = _number(cell.strip() if kind == "number" else cell, decimal)
    if number is not None:
        return msgspec.Raw(number.encode())
    if kind == "number":
        raise RecordingError(f"{at}: {name!r} has {cell!r}, which is not a number.")
    return cell


def _number(cell: str, decimal: str) -> str | None:
    """Return a cell as a number in JSON; None if it is not a number."""
    if decimal != ".":
        if "." in cell:
            return None
        cell = cell.replace(decimal, ".")
    # 1e999 is a number in JSON's grammar, but its readers get infinity.
    return cell if _NUMBER.fullmatch(cell) and math.isfinite(float(cell)) else None
