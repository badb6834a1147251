"""`iot-logic`: the command for people who write logic, and for their CI."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from pipeline.errors import SettingsError
from pipeline.settings import Settings
from sandbox.errors import SandboxError
from sandbox.job import Failure, Job, Logic, Outcome, Problem
from sandbox.sandbox import Sandbox

#: Exit status: every reading was fine; a reading failed; the logic was refused, or the command used wrongly.
OK, FAILED, REFUSED = 0, 1, 2


class ReadingLine(Struct, omit_defaults=True):
    """What `iot-logic test` prints for a reading.

    `state` is the machine's after it. `fuel` is what it used; `peaks` are the largest values of what is
    limited, by the names of the limits. `error` is there where it failed.
    """

    outcome: str
    results: list[msgspec.Raw]
    state: msgspec.Raw
    fuel: int
    peaks: dict[str, int]
    error: Failure | None = None


class RefusedLine(Struct):
    """What `iot-logic test` prints for a logic that may not run."""

    outcome: str
    errors: tuple[Problem, ...]


def main() -> None:
    """Parse the command line and run the command."""
    parser = argparse.ArgumentParser(
        prog="iot-logic", description="Write, test and manage the logic of machines."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    test = commands.add_parser(
        "test",
        help="run a logic on readings from a file, with no server",
        description="Run a logic on readings from a file, in the same sandbox as the workers, and print one "
        "JSON line for each reading. Exit status: 0 all readings were processed, 1 a reading failed, "
        "2 the logic was refused.",
    )
    test.add_argument("logic", type=Path, metavar="LOGIC.py", help="file with `def process(data, state)`")
    test.add_argument(
        "--readings", type=Path, required=True, metavar="FILE.jsonl", help="one JSON reading a line"
    )
    test.add_argument("--state", type=Path, metavar="FILE.json", help="the state before (default: {})")
    test.set_defaults(run=_test)
    arguments = parser.parse_args()
    try:
        sys.exit(arguments.run(arguments))
    except (OSError, SettingsError, SandboxError) as e:
        parser.exit(REFUSED, f"iot-logic: {e}\n")


def _test(arguments: argparse.Namespace) -> int:
    settings = Settings.from_environ()
    state = arguments.state.read_bytes() if arguments.state else b"{}"
    try:
        msgspec.json.decode(state, type=dict[str, object])
    except msgspec.DecodeError as e:
        raise SettingsError(f"{arguments.state} must hold one JSON object: {e}") from e
    readings = [line for line in arguments.readings.read_bytes().splitlines() if line.strip()]
    with Sandbox(settings.limits, allow_unconfined=settings.allow_unconfined_sandbox) as sandbox:
        source = arguments.logic.read_bytes()
        checked = sandbox.check(source)
        if checked.code is None:
            _print(RefusedLine("refused", checked.problems))
            return REFUSED
        status = OK
        logic = msgspec.structs.replace(Logic.of(source.decode()), code=checked.code)
        for outcome, after in _run(sandbox, logic, state, readings):
            kind = outcome.kind if outcome.kind in ("ok", "limit") else "error"
            results = [msgspec.Raw(result) for result in outcome.results]
            peaks = outcome.peaks | {
                "result_bytes": sum(map(len, outcome.results)),
                "state_bytes": len(after),
            }
            _print(ReadingLine(kind, results, msgspec.Raw(after), outcome.fuel, peaks, outcome.failure))
            if kind != "ok":
                status = FAILED
        return status


def _run(
    sandbox: Sandbox, logic: Logic, state: bytes, readings: list[bytes]
) -> Iterator[tuple[Outcome, bytes]]:
    """Each reading's outcome and the state after it; one at a time, to see each state."""
    for reading in readings:
        [report] = sandbox.run([Job(logic, state, [reading])])
        state = report.state
        yield report.outcomes[0], state


def _print(line: Struct) -> None:
    print(msgspec.json.encode(line).decode(), flush=True)
