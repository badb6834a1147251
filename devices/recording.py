"""Recorded readings in a CSV or JSON Lines file, to be sent again as the readings of one machine.

A CSV row becomes a JSON object with the header's names as keys. If a cell is a number in JSON's syntax, that
number is sent digit for digit, because a float that is read and written again can end in other digits. All
other cells are text: `007` is an article number, not a seven.

A line of a JSON Lines file is sent unchanged, byte for byte, even if it is not JSON, so that users can test
how a system handles such lines.

The whole file is read once before anything is sent. Otherwise a bad row in the middle would leave half of the
file sent.
"""

import csv
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from devices.errors import RecordingError
from devices.shipment import Shipment

#: A number in JSON's syntax (RFC 8259, section 6).
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class Recording:
    """The shipments of a file. `rate` is readings per second, or None to send as fast as possible.

    Raises `RecordingError` if the file cannot be read, is neither `.csv` nor `.jsonl`, contains no readings,
    or has a row that does not match its header.
    """

    def __init__(self, path: Path, machine_id: str, rate: float | None) -> None:
        readers = {".csv": _csv_bodies, ".jsonl": _jsonl_bodies, ".ndjson": _jsonl_bodies}
        if path.suffix.lower() not in readers:
            raise RecordingError(
                f"{path} has an unknown ending. Use .csv (with a header row) or .jsonl (one reading per "
                "line)."
            )
        self._path = path
        self._bodies = readers[path.suffix.lower()]
        self._machine_id = machine_id
        self._rate = rate
        self.total: int = sum(1 for _ in self._read())
        if not self.total:
            raise RecordingError(f"{path} contains no readings.")

    def __iter__(self) -> Iterator[Shipment]:
        for number, body in enumerate(self._read()):
            yield Shipment(number / self._rate if self._rate else 0.0, self._machine_id, body)

    def _read(self) -> Iterator[bytes]:
        try:
            yield from self._bodies(self._path)
        except OSError as e:
            raise RecordingError(f"{self._path} cannot be read: {e.strerror or e}.") from e
        except UnicodeDecodeError as e:
            raise RecordingError(f"{self._path} is not UTF-8: {e}.") from e


def _jsonl_bodies(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                yield line.rstrip(b"\r\n")


def _csv_bodies(path: Path) -> Iterator[bytes]:
    # Spreadsheets write a byte order mark before UTF-8, which must not become part of the first key.
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, strict=True)
        try:
            header = next(rows, [])
            _check_header(path, header)
            for row in rows:
                if not row:
                    continue
                if len(row) != len(header):
                    raise RecordingError(
                        f"{path}, line {rows.line_num}: the row has {len(row)} fields, "
                        f"but the header has {len(header)}."
                    )
                yield msgspec.json.encode(dict(zip(header, map(_value, row), strict=True)))
        except csv.Error as e:
            raise RecordingError(f"{path}, line {rows.line_num}: invalid CSV: {e}.") from e


def _check_header(path: Path, header: list[str]) -> None:
    """Check that the header can name the values of a row. Raises `RecordingError`."""
    for number, name in enumerate(header, start=1):
        if not name.strip():
            raise RecordingError(f"{path}, line 1: field {number} of the header has no name.")
        if name in header[: number - 1]:
            raise RecordingError(f"{path}, line 1: the header has the name {name!r} twice.")
    if header and all(_NUMBER.fullmatch(name) for name in header):
        raise RecordingError(f"{path}, line 1: the header row is missing; all fields are numbers.")


def _value(cell: str) -> "str | msgspec.Raw":
    # 1e999 is a number in JSON's grammar, but its readers get infinity.
    if _NUMBER.fullmatch(cell) and math.isfinite(float(cell)):
        return msgspec.Raw(cell.encode())
    return cell
