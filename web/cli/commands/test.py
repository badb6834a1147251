"""`iot-logic test`: run a logic in the same sandbox as the workers, without a server.

The logic runs on its examples, as an upload would run it (`web.cli.commands.examples`), or on a file of
readings.
"""

import argparse
import sys
from pathlib import Path

import msgspec
from msgspec import Struct

from pipeline.settings import Settings
from pipeline.trials.trial import Trial
from sandbox.job import Logic, Problem
from sandbox.parent.sandbox import Sandbox
from web.cli.commands import OK, WRONG
from web.cli.commands.errors import Misused
from web.cli.commands.examples import test_examples


class RefusedLine(Struct):
    """The output of `iot-logic test` for a logic that is refused."""

    outcome: str
    errors: tuple[Problem, ...]
    notes: tuple[Problem, ...]


def test(arguments: argparse.Namespace) -> int:
    """Run the logic on its examples, or on readings if they are given."""
    if arguments.readings is None:
        if arguments.state is not None or arguments.config is not None:
            raise Misused("--state and --config need --readings. An example has its own state and config.")
        return test_examples(arguments)
    if len(arguments.logic) > 1:
        raise Misused("--readings needs exactly one logic.")
    return _test_readings(arguments, *arguments.logic)


def _test_readings(arguments: argparse.Namespace, path: Path) -> int:
    """Run a logic on readings and print a JSON line for each."""
    settings = Settings.from_environ()
    state, config = _object(arguments.state), _object(arguments.config)
    readings = [line for line in arguments.readings.read_bytes().splitlines() if line.strip()]
    with Sandbox(settings.limits, allow_unconfined=settings.allow_unconfined_sandbox) as sandbox:
        source = path.read_bytes()
        checked = sandbox.check(source)
        if checked.code is None:
            _print(RefusedLine("refused", checked.problems, checked.notes))
            return WRONG
        for note in checked.notes:
            print(f"iot-logic: {path}:{note.line}: note: {note.message}. {note.hint}", file=sys.stderr)
        status = OK
        logic = msgspec.structs.replace(Logic.of(source.decode()), code=checked.code)
        trial = Trial(sandbox, logic, state, config)
        for number, reading in enumerate(readings, start=1):
            tried = trial.step(reading)
            _print(tried)
            if tried.outcome != "ok":
                status = WRONG
            if trial.stopped and number < len(readings):
                left = len(readings) - number
                print(f"iot-logic: {trial.stopped} {left} readings were not run.", file=sys.stderr)
                break
        return status


def _object(path: Path | None) -> bytes:
    """Return the JSON object in a file, or an empty one if no file is given. Raises `Misused`."""
    content = b"{}" if path is None else path.read_bytes()
    try:
        msgspec.json.decode(content, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise Misused(f"{path} must contain a JSON object: {e}") from e
    return content


def _print(line: Struct) -> None:
    print(msgspec.json.encode(line).decode(), flush=True)
