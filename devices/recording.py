"""Recorded readings in a CSV or JSON Lines file, to be sent again as the readings of one machine.

`devices.csv_file` makes readings of rows. A line of a JSON Lines file is sent unchanged, byte for byte, even
if it is not JSON, so that users can test how a system handles such lines. Only a byte order mark at the start
of the file is left out.

The whole file is read once before anything is sent. Otherwise a bad row in the middle would leave half of the
file sent.
"""

import math
from codecs import BOM_UTF8
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from devices.csv_file import CsvFormat, csv_bodies
from devices.errors import RecordingError
from devices.shipment import Shipment

_JSON_LINES: Final = (".jsonl", ".ndjson")

#: From this number on, a time is in milliseconds since 1970: in seconds it would be the year 5138.
_MILLISECONDS: Final = 1e11


class Pace(Struct, frozen=True):
    """When the readings are sent: `rate` per second, or as fast as possible if it is None.

    If `time` names a column or key with the time of each reading, they are sent in the distances of these
    times, divided by `speed`.
    """

    rate: float | None = None
    time: str | None = None
    speed: float = 1.0


class Recording:
    """The shipments of a file.

    Raises `RecordingError` if the file cannot be read, is neither `.csv` nor `.jsonl`, contains no readings,
    or has a row that does not match its header or has no time.
    """

    def __init__(self, path: Path, machine_id: str, pace: Pace, form: CsvFormat | None = None) -> None:
        ending = path.suffix.lower()
        if ending != ".csv" and ending not in _JSON_LINES:
            raise RecordingError(
                f"{path} has an unknown ending. Use .csv (with a header row) or .jsonl (one reading per "
                "line)."
            )
        if ending != ".csv" and form not in (None, CsvFormat()):
            raise RecordingError(
                f"{path} is not a CSV file: --delimiter, --decimal, --encoding and --type do not apply to it."
            )
        self._path = path
        self._form = form or CsvFormat()
        self._machine_id = machine_id
        self._pace = pace
        self.total: int = sum(1 for _ in self)
        if not self.total:
            raise RecordingError(f"{path} contains no readings.")

    def __iter__(self) -> Iterator[Shipment]:
        pace, due, first = self._pace, 0.0, None
        for number, (line, body) in enumerate(self._read()):
            if pace.time is not None:
                moment = self._moment(line, body, pace.time)
                first = moment if first is None else first
                due = max(due, (moment - first) / pace.speed)  # a time that goes back is sent at once
            elif pace.rate is not None:
                due = number / pace.rate
            yield Shipment(due, self._machine_id, body)

    def _read(self) -> Iterator[tuple[int, bytes]]:
        """Yield the readings, each with the number of its line."""
        try:
            if self._path.suffix.lower() in _JSON_LINES:
                yield from _json_lines(self._path)
            else:
                yield from csv_bodies(self._path, self._form)
        except OSError as e:
            raise RecordingError(f"{self._path} cannot be read: {e.strerror or e}.") from e
        except UnicodeError as e:
            encoding = self._form.encoding.removesuffix("-sig").upper()
            raise RecordingError(
                f"{self._path} is not {encoding}: {e}. Name its encoding, such as --encoding cp1252 for a "
                "file of an older Windows program."
            ) from e

    def _moment(self, line: int, body: bytes, name: str) -> float:
        """Return the time of a reading in seconds."""
        at = f"{self._path}, line {line}"
        try:
            reading: Any = msgspec.json.decode(body)
            value = reading[name]
        except (msgspec.DecodeError, UnicodeDecodeError, TypeError, KeyError, IndexError) as e:
            raise RecordingError(f"{at}: there is no {name!r}, which must have the time.") from e
        if isinstance(value, str):
            try:
                moment = datetime.fromisoformat(value.strip())
            except ValueError as e:
                raise RecordingError(
                    f"{at}: {name!r} has {value[:40]!r}, which is not a time in ISO 8601."
                ) from e
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise RecordingError(f"{at}: {name!r} has {value!r}, which is not a time.")
        return float(value) / 1_000 if abs(value) >= _MILLISECONDS else float(value)


def _json_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            body = line.removeprefix(BOM_UTF8) if number == 1 else line
            if body.strip():
                yield number, body.rstrip(b"\r\n")
