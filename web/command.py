"""`iot-logic`: the command for people who write logic, and for their CI."""

import argparse
import sys
from pathlib import Path

import msgspec
from msgspec import Struct

from pipeline.errors import SettingsError
from pipeline.settings import Settings
from sandbox.errors import SandboxError
from sandbox.job import Logic, Problem
from sandbox.sandbox import Sandbox
from web.trial import Trial

#: Exit status: every reading was fine; a reading failed; the logic was refused, or the command used wrongly.
OK, FAILED, REFUSED = 0, 1, 2


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
        trial = Trial(sandbox, logic, state)
        for number, reading in enumerate(readings, start=1):
            tried = trial.step(reading)
            _print(tried)
            if tried.outcome != "ok":
                status = FAILED
            if trial.stopped and number < len(readings):
                print(f"iot-logic: {trial.stopped} {len(readings) - number} were not run.", file=sys.stderr)
                break
        return status


def _print(line: Struct) -> None:
    print(msgspec.json.encode(line).decode(), flush=True)
