"""`iot-logic machines`: the cards of machines, one at a time, or all of them in a CSV file."""

import argparse
import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TextIO

import msgspec
from msgspec import Struct

from pipeline.errors import AboutRefused
from pipeline.model.about import TAG_SEPARATORS, About, checked_about, decode_about
from pipeline.wire import is_machine_id
from web.cli.commands import OK, WRONG
from web.cli.commands.client import Answer, Api, quoted
from web.cli.commands.errors import Misused, Refused, Unclear
from web.cli.commands.screen import Screen

#: The columns of a file. All but the first are optional.
COLUMNS: Final = ("id", "name", "description", "tags", "line", "location")

#: The most machines in a file.
_MACHINES: Final = 100_000

#: A spreadsheet takes a cell that begins with one of these for a formula, so an apostrophe precedes it.
_FORMULA: Final = ("=", "+", "-", "@", "'")


class WrongLine(Struct):
    """A line of a file that cannot be imported, and why."""

    line: int
    message: str


class _Row(Struct):
    line: int
    machine: str
    cells: dict[str, str]


def show_about(arguments: argparse.Namespace) -> int:
    """Show the card of a machine, after the changes that the options name."""
    screen = Screen.of(arguments)
    given = {name: value for name in COLUMNS[1:] if (value := getattr(arguments, name)) is not None}
    with Api.of(arguments) as api:
        if given:
            _put(api, arguments.machine, given)
        about = api.get(_path(arguments.machine)).json
    screen.document(about)
    for name in COLUMNS[1:]:
        text = ", ".join(about[name]) if name == "tags" else about[name]
        screen.say((f"{name:12}", "bold"), text)
    return OK


def export_about(arguments: argparse.Namespace) -> int:
    """Write the cards of all machines into a file."""
    screen = Screen.of(arguments)
    if arguments.file.exists() and not arguments.force:
        raise Misused(f"{arguments.file} exists, so nothing was written. Replace it with --force.")
    with Api.of(arguments) as api:
        machines = list(api.pages("/machines", "machines"))
    with arguments.file.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for each in machines:
            about = {**each["about"], "tags": "; ".join(each["about"]["tags"])}
            rows.writerow([each["id"], *(_cell(about[name]) for name in COLUMNS[1:])])
    screen.document({"machines": len(machines)})
    screen.say(f"Wrote {len(machines)} machines to {arguments.file}.")
    return OK


def import_about(arguments: argparse.Namespace) -> int:
    """Change the cards of the machines in a file."""
    screen = Screen.of(arguments)
    rows, wrong = _read(arguments.file)
    changed = 0
    if not wrong or arguments.skip_wrong:
        with Api.of(arguments) as api:
            for row in rows:
                try:
                    changed += _put(api, row.machine, row.cells, dry_run=arguments.dry_run)
                except (AboutRefused, Refused) as e:
                    wrong.append(WrongLine(row.line, str(e)))
    screen.document(
        {"machines": len(rows), "changed": changed, "wrong": msgspec.to_builtins(wrong)},
    )
    for each in wrong:
        screen.note((f"{arguments.file}:{each.line}", "bold"), ": ", (each.message, "red"))
    if wrong and not (changed or arguments.skip_wrong):
        screen.note("Nothing was changed. Correct these lines, or import the others with --skip-wrong.")
    else:
        said = "would change" if arguments.dry_run else "changed"
        screen.say(f"{len(rows)} machines in the file; {changed} {said}.")
    return WRONG if wrong else OK


def _read(path: Path) -> tuple[list[_Row], list[WrongLine]]:
    """Return the machines in a file, and its wrong lines. Raises `Misused`."""
    rows, wrong, seen = list[_Row](), list[WrongLine](), dict[str, int]()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line, cells in _lines(file):
                machine = cells.pop("id").strip()
                if len(seen) >= _MACHINES:
                    raise Misused(f"{path} has more than {_MACHINES:,} machines. Split it.")
                try:
                    _check(machine, cells, seen)
                except AboutRefused as e:
                    wrong.append(WrongLine(line, str(e)))
                else:
                    rows.append(_Row(line, machine, cells))
                seen[machine] = line
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise Misused(f"{path} cannot be read as CSV in UTF-8: {e}") from e
    return rows, wrong


def _lines(file: TextIO) -> Iterator[tuple[int, dict[str, str]]]:
    header = file.readline()
    file.seek(0)
    # Spreadsheets in many languages write semicolons.
    rows = csv.reader(file, delimiter=";" if ";" in header and "," not in header else ",", strict=True)
    columns = [each.strip().lower() for each in next(rows, [])]
    unknown = [each for each in columns if each not in COLUMNS]
    if "id" not in columns or unknown or len({*columns}) < len(columns):
        raise Misused(
            "The first line of the file must name its columns: id, and some of "
            f"{', '.join(COLUMNS[1:])}. It has {', '.join(map(repr, columns)) or 'none'}."
        )
    for cells in rows:
        if not any(map(str.strip, cells)):
            continue
        texts = dict(zip(columns, map(_text, cells), strict=False))
        if len(cells) > len(columns):
            texts[""] = cells[-1]
        yield rows.line_num, {"id": "", **texts}


def _check(machine: str, cells: dict[str, str], seen: Mapping[str, int]) -> None:
    """Raise `AboutRefused` if a line cannot be imported."""
    if not is_machine_id(machine):
        raise AboutRefused(f"{machine[:128]!r} is not a machine id. Use 1 to 128 letters, digits, _ or -.")
    if machine in seen:
        raise AboutRefused(f"The machine {machine} is already in line {seen[machine]}. Remove one of them.")
    if "" in cells:
        raise AboutRefused("The line has more cells than the first line. Put texts with commas into quotes.")
    _merged(About(), cells)


def _merged(about: About, cells: Mapping[str, str]) -> About:
    """Return a card with the fields that the cells name. Raises `AboutRefused`."""
    fields: dict[str, Any] = {**cells}
    if "tags" in fields:
        text = fields["tags"].replace(TAG_SEPARATORS[0], TAG_SEPARATORS[1])
        fields["tags"] = tuple(each for each in text.split(TAG_SEPARATORS[1]) if each.strip())
    return checked_about(msgspec.structs.replace(about, **fields))


def _put(api: Api, machine: str, cells: Mapping[str, str], *, dry_run: bool = False) -> bool:
    """Change the card of a machine, if the cells change it. Return whether they do."""
    found = api.find(_path(machine))
    before = _about(found) if found else About()
    after = _merged(before, cells)
    if after != before and not dry_run:
        headers = {"If-Match": found.etag} if found and found.etag else {}
        api.call("PUT", _path(machine), msgspec.to_builtins(after), headers=headers)
    return after != before


def _about(answer: Answer) -> About:
    try:
        return decode_about(answer.body)
    except msgspec.MsgspecError as e:
        raise Unclear(
            "The answer of the API is not a card. Check that its version matches this command."
        ) from e


def _path(machine: str) -> str:
    return f"/machines{quoted(machine)}/about"


def _text(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(_FORMULA) else cell


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
