"""`iot-logic test`: run a logic on a file of readings, in the same sandbox as the workers, with no server."""

import argparse
import sys

import msgspec
from msgspec import Struct

from pipeline.errors import SettingsError
from pipeline.settings import Settings
from sandbox.job import Logic, Problem
from sandbox.sandbox import Sandbox
from web.trial import Trial

#: Exit status: every reading was fine; a reading failed; the logic was refused.
OK, FAILED, REFUSED = 0, 1, 2


class RefusedLine(Struct):
    """What `iot-logic test` prints for a logic that may not run."""

    outcome: str
    errors: tuple[Problem, ...]


def test(arguments: argparse.Namespace) -> int:
    """Run the logic and print a JSON line for each reading."""
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
