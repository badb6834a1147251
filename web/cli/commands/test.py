"""`iot-logic test`: run a logic in the same sandbox as the workers, without a server.

The logic runs on its examples, as an upload would run it (`web.cli.commands.examples`), or on a file of
readings. If the readings have times, each is received at its time, and timers run between them, and so do the
schedules in a file of settings.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from pipeline.clock import rfc3339
from pipeline.errors import ReadingUnfit
from pipeline.model.machine_settings import NO_SETTINGS, MachineSettings, ReadingMeta
from pipeline.settings import Settings
from pipeline.trials.times import recorded_time, start_of
from pipeline.trials.trial import START, Trial, shown_timers
from sandbox.job import Logic, Problem
from sandbox.parent.sandbox import Sandbox
from web.cli.commands import OK, WRONG
from web.cli.commands.errors import Misused
from web.cli.commands.examples import test_examples
from web.cli.commands.folder import read_settings


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
        if arguments.settings is not None:
            raise Misused("--settings needs --readings. An example has its own format and schedules.")
        if arguments.time is not None:
            raise Misused("--time needs --readings. In an example, time passes in its steps.")
        return test_examples(arguments)
    if len(arguments.logic) > 1:
        raise Misused("--readings needs exactly one logic.")
    return _test_readings(arguments, *arguments.logic)


def _test_readings(arguments: argparse.Namespace, path: Path) -> int:
    """Run a logic on readings, and print a JSON line for each and for each timer that runs before it."""
    settings = Settings.from_environ()
    state, config = _object(arguments.state), _object(arguments.config)
    applying = _settings(arguments.settings)
    readings = [*_readings(arguments.readings, arguments.time)]
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
        start = start_of([meta for _, meta in readings], START)
        trial = Trial(sandbox, logic, state, config, applying, start=start)
        done = 0
        for reading, meta in readings:
            for tried in trial.step(reading, meta):
                _print(tried)
                done += tried.timer is None
                if tried.outcome != "ok":
                    status = WRONG
            if trial.stopped and done < len(readings):
                status = WRONG
                left = len(readings) - done
                counted = "1 reading was" if left == 1 else f"{left} readings were"
                print(f"iot-logic: {trial.stopped} {counted} not run.", file=sys.stderr)
                break
        for name, due in sorted(shown_timers(trial.timers).items()):
            print(f"iot-logic: the timer {name} is still set. It is due at {due}.", file=sys.stderr)
        return status


def _readings(file: Path, key: str | None) -> Iterator[tuple[bytes, ReadingMeta]]:
    """Yield the readings in a file, each with its time if a key for it is given. Raises `Misused`."""
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        if line.strip() and key is None:
            yield line, ReadingMeta()
        elif key is not None and line.strip():
            try:
                time = recorded_time(line, key)
            except ReadingUnfit as e:
                raise Misused(f"{file}, line {number}: {e}.") from e
            yield line, ReadingMeta(received=rfc3339(time / 1000))


def _settings(path: Path | None) -> MachineSettings:
    """Return the settings in a file, or the default if no file is given. Raises `Misused`."""
    if path is None:
        return NO_SETTINGS
    settings = read_settings(path)
    if not settings.is_plain_json:
        raise Misused(f"{path} sets another format than JSON, and the readings in a file are JSON.")
    return settings


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
