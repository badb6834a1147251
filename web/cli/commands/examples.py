"""`iot-logic test` without readings: run a logic on its examples, as an upload would, without a server."""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from msgspec import UNSET, Struct

from pipeline.settings import Settings
from pipeline.trials.examples import Example, ExamplesUnfit, Mismatch, cases, encoded, mismatches
from pipeline.trials.runner import run_alone
from pipeline.trials.trial import Tried
from sandbox.job import Problem
from sandbox.limits import Limits
from sandbox.parent.sandbox import Sandbox
from web.cli.commands import OK, WRONG
from web.cli.commands.errors import Misused
from web.cli.commands.folder import read_folder
from web.cli.commands.problems import show_mismatches, show_problems
from web.cli.commands.screen import Screen

#: The ending of the name of a file of examples, in place of `.py`.
_ENDING = ".examples.json"


class _ExampleOutcome(Struct):
    """The outcome of an example.

    `fuel` is the most that one reading or timer used, `seconds` the total time.
    """

    example: str
    readings: int
    passed: bool
    fuel: int
    seconds: float
    mismatches: list[Mismatch]


class _LogicOutcome(Struct):
    """The outcome of a logic: the problems that prevent it from running, or the outcomes of its examples.

    `notes` are for its author.
    """

    file: str
    accepted: bool
    errors: tuple[Problem, ...]
    examples: list[_ExampleOutcome]
    notes: tuple[Problem, ...]


def test_examples(arguments: argparse.Namespace) -> int:
    """Check each logic, run its examples, and show the outcomes."""
    screen = Screen.of(arguments)
    settings = Settings.from_environ()
    with Sandbox(settings.limits, allow_unconfined=settings.allow_unconfined_sandbox) as sandbox:
        tested = [_test(sandbox, settings.limits, path) for path in _files(arguments.logic)]
    screen.document({"logics": msgspec.to_builtins(tested)})
    _show(screen, tested)
    return OK if all(each.accepted for each in tested) else WRONG


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the named files of logic, and all in the named folders.

    Each file, or at least one file in each folder, must have examples. Raises `Misused`.
    """
    for path in paths:
        if path.is_dir():
            found = [local.file for local in read_folder(path) if local.logic is not None]
            if not any(_beside(file).exists() for file in found):
                raise Misused(
                    f"{path} has no examples. Write examples for a logic into a file NAME{_ENDING} next to "
                    "it."
                )
            yield from found
        elif not _beside(path).exists() and path.exists():
            raise Misused(f"{path} has no examples. Write them into {_beside(path)}, or give --readings.")
        else:
            yield path


def _beside(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".py") + _ENDING)


def _test(sandbox: Sandbox, limits: Limits, path: Path) -> _LogicOutcome:
    source = _text(path)
    examples = _read(_beside(path))
    ready, wrong = cases(examples, limits)
    ran = run_alone(sandbox, source, [] if wrong else ready)
    if not ran.problems and not wrong:
        wrong = mismatches(examples, ran)
    tried = [each.tried for each in ran.cases] + [[]] * (len(examples) - len(ran.cases))
    done = [
        _done(example, each, [mismatch for mismatch in wrong if mismatch.example == example.name])
        for example, each in zip(examples, tried, strict=True)
    ]
    accepted = not ran.problems and not wrong
    return _LogicOutcome(str(path), accepted, ran.problems, [] if ran.problems else done, ran.notes)


def _done(example: Example, tried: list[Tried], wrong: list[Mismatch]) -> _ExampleOutcome:
    return _ExampleOutcome(
        example=example.name,
        readings=sum(step.after is UNSET for step in example.all_steps),
        passed=not wrong,
        fuel=max((each.fuel for each in tried), default=0),
        seconds=round(sum(each.seconds for each in tried), 6),
        mismatches=wrong,
    )


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as e:
        raise Misused(f"{path} must contain UTF-8 text: {e}") from e


def _read(path: Path) -> list[Example]:
    """Return the examples in a file, none if there is no such file. Raises `Misused`."""
    if not path.exists():
        return []
    try:
        examples = msgspec.json.decode(path.read_bytes(), type=list[Example])
        encoded(examples)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise Misused(f"{path} must contain a JSON list of examples: {e}") from e
    except ExamplesUnfit as e:
        raise Misused(f"{path}: {e}") from e
    return examples


def _show(screen: Screen, tested: list[_LogicOutcome]) -> None:
    screen.table(
        ("logic", "example", "#readings", "#fuel", "#seconds", ""),
        (row for each in tested for row in _rows(each)),
    )
    for each in tested:
        for found, notes in ((each.errors, False), (each.notes, True)):
            if found:
                file = Path(each.file)
                show_problems(screen, msgspec.to_builtins(found), file, _text(file), notes=notes)
        wrong = [mismatch for done in each.examples for mismatch in done.mismatches]
        if wrong:
            screen.note((each.file, "bold"))
            show_mismatches(screen, msgspec.to_builtins(wrong))
    failed = sum(not done.passed for each in tested for done in each.examples)
    refused = sum(not each.accepted and not each.examples for each in tested)
    passed = sum(done.passed for each in tested for done in each.examples)
    said = [f"{passed} passed"]
    said += [f"{failed} failed"] if failed else []
    said += [f"{refused} refused"] if refused else []
    screen.say(", ".join(said))


def _rows(tested: _LogicOutcome) -> Iterator[tuple[object, ...]]:
    if not tested.examples:
        outcome = ("no examples", "dim") if tested.accepted else ("refused", "red")
        yield tested.file, "", "", "", "", outcome
    for done in tested.examples:
        outcome = ("passed", "green") if done.passed else ("failed", "red")
        yield tested.file, done.example, done.readings, done.fuel, f"{done.seconds:.3f}", outcome
