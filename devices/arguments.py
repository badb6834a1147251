"""The command line of `iot-devices`: its arguments, and the fleet or recording that they describe."""

import argparse
import codecs
import math
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, get_args

from devices.csv_file import ColumnType, CsvFormat
from devices.errors import DeviceError
from devices.fleet import Fleet, machine_ids
from devices.recording import Pace, Recording
from devices.senders import SENDERS
from pipeline.wire import is_machine_id

#: Seconds without a confirmation after which a delivery gives up. A broker restarts in much less.
_PATIENCE: Final = 120.0

_SEED_BITS: Final = 32


def new_parser() -> argparse.ArgumentParser:
    """Return the parser. The parsed arguments have `source`, a function that makes the `ShipmentSource`."""
    parser = argparse.ArgumentParser(
        prog="iot-devices",
        description="Send readings as machines do, and count the confirmed ones. After a lost connection, "
        "unconfirmed readings are sent again in order, so some may arrive twice.",
        epilog="Exit status: 0 all readings are confirmed; 1 not all are; 2 wrong usage, or the server "
        "does not answer; 130 stopped before the end.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    simulate = commands.add_parser(
        "simulate",
        help="send readings of simulated machines",
        description="Simulate machines that run in cycles, warm up, wear, break down and sometimes send "
        "nothing. The same seed, start and step give the same readings.",
    )
    which = simulate.add_mutually_exclusive_group()
    which.add_argument(
        "--machines", type=_count, default=3, metavar="N", help="number of machines (default: 3)"
    )
    which.add_argument(
        "--machine-ids", type=_ids, metavar="ID,ID,…", help="ids of the machines, separated by commas"
    )
    simulate.add_argument(
        "--machine-prefix",
        default="machine_",
        metavar="TEXT",
        help="prefix of the ids (default: machine_, for machine_A to machine_Z, then machine_27)",
    )
    simulate.add_argument(
        "--rate",
        type=_positive,
        default=1.0,
        metavar="R",
        help="readings per second of each machine (default: 1)",
    )
    simulate.add_argument(
        "--seed", type=int, metavar="S", help="seed for reproducible readings (default: random)"
    )
    simulate.add_argument(
        "--start",
        type=_moment,
        metavar="TIME",
        help="first timestamp, ISO 8601, UTC unless it has a time zone (default: now)",
    )
    simulate.add_argument(
        "--step",
        type=_positive,
        metavar="SECONDS",
        help="simulated time between two readings (default: 1/R); a larger step makes the machines age "
        "faster",
    )
    end = simulate.add_mutually_exclusive_group()
    end.add_argument(
        "--duration", type=_positive, metavar="SECONDS", help="stop after this time (default: never)"
    )
    end.add_argument("--count", type=_count, metavar="N", help="stop after N readings of each machine")
    simulate.set_defaults(source=_fleet, what="simulating")

    replay = commands.add_parser(
        "replay",
        help="send the readings in a file as those of one machine",
        description="Send the readings in a CSV or JSON Lines file. CSV: the names in the header become "
        "keys, numbers become numbers, everything else becomes text. JSON Lines: each line is sent "
        "unchanged.",
    )
    replay.add_argument("file", type=Path, metavar="FILE.csv|FILE.jsonl")
    replay.add_argument("--machine", type=_machine_id, required=True, metavar="ID", help="id of the machine")
    pace = replay.add_mutually_exclusive_group()
    pace.add_argument(
        "--rate", type=_rate, default=1.0, metavar="R|max", help="readings per second, or max (default: 1)"
    )
    pace.add_argument(
        "--time",
        metavar="COLUMN",
        help="replay at the recorded pace: the column (or key) with the time of each reading, in ISO 8601 or "
        "in seconds or milliseconds since 1970",
    )
    replay.add_argument(
        "--speed",
        type=_positive,
        default=1.0,
        metavar="F",
        help="with --time: F times as fast as recorded (default: 1)",
    )
    written = replay.add_argument_group("how a CSV file is written")
    written.add_argument(
        "--delimiter",
        type=_delimiter,
        metavar="CHARACTER",
        help="delimiter of the fields, or tab (default: the comma, semicolon or tab in the header)",
    )
    written.add_argument(
        "--decimal", choices=(".", ","), default=".", help="decimal mark of numbers (default: .)"
    )
    written.add_argument(
        "--encoding",
        type=_encoding,
        default="utf-8",
        metavar="NAME",
        help="encoding, such as cp1252 or utf-16 (default: utf-8)",
    )
    written.add_argument(
        "--type",
        dest="types",
        type=_column_type,
        action="append",
        default=[],
        metavar="COLUMN=number|text|boolean",
        help="type of a column; an empty number or boolean is null (default: each cell that is a number is "
        "sent as one)",
    )
    replay.set_defaults(source=_recording, what="replaying")

    for command in (simulate, replay):
        command.add_argument(
            "--via",
            choices=SENDERS,
            default="mqtt",
            help="protocol (default: mqtt); http sends to the API",
        )
        command.add_argument(
            "--url",
            help="address of the server (default: IOT_LOGIC_MQTT_URL, IOT_LOGIC_AMQP_URL or "
            "IOT_LOGIC_API_URL)",
        )
        command.add_argument(
            "--patience",
            type=_positive,
            default=_PATIENCE,
            metavar="SECONDS",
            help=f"give up after this time without a confirmation (default: {_PATIENCE:.0f})",
        )
    return parser


def _fleet(arguments: argparse.Namespace) -> Fleet:
    ids = arguments.machine_ids or machine_ids(arguments.machines, arguments.machine_prefix)
    if wrong := next((each for each in ids if not is_machine_id(each)), None):
        raise DeviceError(_not_an_id(wrong))
    return Fleet(
        ids,
        arguments.rate,
        secrets.randbits(_SEED_BITS) if arguments.seed is None else arguments.seed,
        arguments.start or datetime.now(UTC),
        step=arguments.step,
        count=arguments.count,
        duration=arguments.duration,
    )


def _recording(arguments: argparse.Namespace) -> Recording:
    if arguments.delimiter == arguments.decimal:
        raise DeviceError("--delimiter and --decimal must be different characters.")
    pace = Pace(arguments.rate, arguments.time, arguments.speed)
    form = CsvFormat(arguments.delimiter, arguments.decimal, arguments.encoding, dict(arguments.types))
    return Recording(arguments.file, arguments.machine, pace, form)


def _not_an_id(text: str) -> str:
    return f"{text!r} is not a valid machine id. Use 1 to 128 letters, digits, _ or -."


def _machine_id(text: str) -> str:
    if not is_machine_id(text):
        raise argparse.ArgumentTypeError(_not_an_id(text))
    return text


def _ids(text: str) -> list[str]:
    ids = [_machine_id(each.strip()) for each in text.split(",")]
    if len(set(ids)) != len(ids):
        raise argparse.ArgumentTypeError(f"{text!r} contains an id twice")
    return ids


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer above 0")
    return int(text)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number


def _rate(text: str) -> float | None:
    return None if text == "max" else _positive(text)


def _delimiter(text: str) -> str:
    found = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(found) != 1 or found in '"\r\n':
        raise argparse.ArgumentTypeError(f"{text!r} is not a single character such as ; or tab")
    return found


def _encoding(text: str) -> str:
    try:
        name = codecs.lookup(text).name
        "".encode(name)  # `hex` is a codec, but no encoding of text
    except LookupError as e:
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of an encoding") from e
    return "utf-8-sig" if name == "utf-8" else name


def _column_type(text: str) -> tuple[str, str]:
    name, _, kind = text.rpartition("=")
    if not name or kind not in get_args(ColumnType):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form COLUMN=number, =text or =boolean")
    return name, kind


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as e:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time in ISO 8601") from e
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
