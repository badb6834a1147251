"""Examples: the tests of a logic, kept with it, and the check that it passes them.

Numbers are equal if their values are: 1 and 1.0 are equal; 0.1 + 0.2 and 0.3 are not, and neither are 1 and
true. All other values are compared as JSON: the order of an object's keys does not matter, the order of a
list does. The comparison rounds nothing and leaves nothing out, because consumers of the results see
everything too.

Each example is run separately, from the state and with the config and the schedules that it names. So no
example depends on another or on a machine.

Time passes in an example only in its steps `{"after": "5 min"}`, and only then timers and schedules run. A
reading may be any JSON value, also `{"after": "5 min"}`. So these steps are not among `readings`: an example
has `readings`, or else `steps`, in which each step says which of both it is.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from pipeline.errors import IotLogicError, ReadingUnfit, ScheduleRefused
from pipeline.model.machine_settings import MachineSettings, ReadingMeta
from pipeline.model.new_settings import NewSchedule
from pipeline.model.schedule import SCHEDULES, check
from pipeline.trials.runner import READINGS, Case, TrialResult, Trials, Wait
from pipeline.trials.times import duration, start_of
from pipeline.trials.trial import START, Tried
from pipeline.trials.written import sent_reading
from sandbox.errors import LogicError
from sandbox.job import Checked, Failure, Format
from sandbox.limits import Limits
from sandbox.runtime.values import encode_config, encode_state

#: Maximum examples of a logic, and their maximum bytes as JSON, together.
EXAMPLES: Final = 100
BYTES: Final = 256 << 10

#: Maximum mismatches that are shown for a logic.
MISMATCHES: Final = 100

#: Maximum characters of a value in a message.
_SHOWN: Final = 60

#: Maximum names of timers in a message.
_NAMES: Final = 5


class Step(Struct, omit_defaults=True, forbid_unknown_fields=True):
    """A step of an example: a reading, or else time that passes, such as `{"after": "45 min"}`."""

    reading: Annotated[Any | UnsetType, Meta(description="The reading: any JSON value.")] = UNSET
    after: Annotated[
        str | UnsetType,
        Meta(
            description="The time that passes before the next step: a number and s, min, h or days. Timers "
            "that become due run, each exactly when it is due.",
            examples=["45 min"],
        ),
    ] = UNSET

    def check(self) -> None:
        """Raise `ValueError` if it is not one of both, or if its time is none."""
        if (self.reading is UNSET) == (self.after is UNSET):
            raise ValueError("a step has either `reading` or `after`")
        if self.after is not UNSET:
            duration(self.after)


class Example(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A test of a logic: readings, and the expected results and state.

    If time passes between the readings, write `steps` instead of `readings`: a list of `{"reading": VALUE}`
    and `{"after": "45 min"}`. Timers that become due then run, and so do the `schedules` of the example. They
    have the form of those in the settings of a machine.

    `state` is the state before the first reading, and `config` the config of the logic. `results` has an
    entry for each reading or step: the value that `process` must return (null, an object, or a list of
    objects), or `{"error": TEXT}` if the reading must fail with a message that contains the text. For time
    that passes, it is all results of the timers that run, in their order, or the error if a timer must fail.
    To expect an object with `error` as a result, put it in a list. `results`, `state_after` and
    `alarms_after` are optional and compared only if given. A reading or a timer must not fail unless an error
    is expected. `format` is the format of the readings: a text is written as a text, and any format but JSON
    and text in hex, such as "01 67 00 fa". `meta` is what the logic reads as `meta` with each reading.
    """

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    readings: Annotated[list[Any], Meta(min_length=1, max_length=READINGS)] | None = None
    steps: Annotated[list[Step], Meta(min_length=1, max_length=READINGS)] | None = None
    state: dict[str, Any] = {}
    config: dict[str, Any] = {}
    format: Format = "json"
    schedules: Annotated[
        Annotated[tuple[NewSchedule, ...], Meta(extra_json_schema={"maxItems": SCHEDULES})],
        Meta(description="The schedules that run while time passes."),
    ] = ()
    meta: ReadingMeta = ReadingMeta()
    results: list[dict[str, Any] | list[dict[str, Any]] | None] | None = None
    state_after: dict[str, Any] | None = None
    alarms_after: Annotated[
        list[Annotated[str, Meta(max_length=64)]] | None,
        Meta(description="The names of the alarms that must be active at the end."),
    ] = None

    def check(self) -> None:
        """Raise `ExamplesUnfit` if its fields do not fit together."""
        if (self.readings is None) == (self.steps is None):
            raise ExamplesUnfit(f"the example {self.name!r} needs either `readings` or `steps`")
        try:
            check(self.schedules)
        except ScheduleRefused as e:
            raise ExamplesUnfit(f"the example {self.name!r}: {e}") from e
        for number, step in enumerate(self.steps or (), start=1):
            try:
                step.check()
            except ValueError as e:
                raise ExamplesUnfit(f"the example {self.name!r}, step {number}: {e}") from e

    @property
    def all_steps(self) -> list[Step]:
        """The steps; the readings are steps too."""
        return self.steps or [Step(reading) for reading in self.readings or ()]


class Mismatch(Struct, kw_only=True):
    """A difference between an example and the behaviour of the logic.

    `reading` is the number of the reading in the example, and `step` the number of the step if the example
    has steps, both counted from 1. `reading` is null if time passes in the step. Both are null if the state
    or the alarms differ. `expected` is the expected value, `got` the actual one. `line` is the line number in
    the logic, if the reading or the timer failed at one.
    """

    example: str
    reading: int | None
    step: int | None = None
    message: str
    expected: Any
    got: Any
    line: int | None = None


def encoded(examples: Sequence[Example]) -> bytes:
    """Encode examples to be kept; empty if there are none. Raises `ExamplesUnfit`."""
    if not examples:
        return b""
    for example in examples:
        example.check()
        steps, what = len(example.all_steps), "reading" if example.steps is None else "step"
        if example.results is not None and len(example.results) != steps:
            raise ExamplesUnfit(
                f"the example {example.name!r} has {steps} {what}s but {len(example.results)} results; give "
                f"one result for each {what}"
            )
    kept = msgspec.json.encode(examples)
    if len(kept) > BYTES:
        raise ExamplesUnfit(f"the examples have {len(kept):,} bytes of JSON; the maximum is {BYTES:,}")
    if (steps := sum(len(example.all_steps) for example in examples)) > READINGS:
        raise ExamplesUnfit(
            f"the examples have {steps:,} readings and other steps; the maximum is {READINGS:,}"
        )
    [(name, most), *_] = Counter(example.name for example in examples).most_common(1)
    if most > 1:
        raise ExamplesUnfit(f"{most} examples have the name {name!r}; give each its own name")
    return kept


def decoded(kept: bytes) -> list[Example]:
    """Decode examples."""
    return msgspec.json.decode(kept, type=list[Example]) if kept else []


def cases(examples: Sequence[Example], limits: Limits) -> tuple[list[Case], list[Mismatch]]:
    """Return the cases to run; or the examples that cannot be run because of their state or config."""
    ready, wrong = list[Case](), list[Mismatch]()
    for example in examples:
        try:
            state, config = encode_state(example.state, limits), encode_config(example.config, limits)
            settings = MachineSettings(format=example.format, schedules=example.schedules)
            steps = [_step(step, settings) for step in example.all_steps]
            start = start_of([example.meta], START)
        except (LogicError, ReadingUnfit) as e:
            message = f"The example cannot be run: {e}."
            wrong.append(
                Mismatch(example=example.name, reading=None, message=message, expected=None, got=None)
            )
        else:
            metas = [example.meta] * len(steps)
            ready.append(Case(state, steps, config, settings, metas, start))
    return ready, wrong


def mismatches(examples: Sequence[Example], ran: TrialResult) -> list[Mismatch]:
    """Return the mismatches between the examples and a run of their cases; empty if all pass."""
    return [each for number, example in enumerate(examples) for each in _of_one(example, number, ran)]


async def try_examples(
    trials: Trials, source: str, checked: Checked, examples: Sequence[Example], limits: Limits
) -> list[Mismatch]:
    """Return the mismatches between an accepted logic and its examples."""
    if not examples:
        return []
    # In turns of their own, because both may take a tenth of a second.
    ready, wrong = await trials.shared.use(lambda _: cases(examples, limits))
    if wrong:
        return wrong
    ran = await trials.run_checked(source, checked, ready)
    return await trials.shared.use(lambda _: mismatches(examples, ran))


def _step(step: Step, settings: MachineSettings) -> bytes | Wait:
    """Return a step as a trial takes it. Raises `ReadingUnfit`."""
    return sent_reading(step.reading, settings) if step.after is UNSET else Wait(duration(step.after))


class _Place(NamedTuple):
    """A step of an example, and what is expected of it."""

    example: Example
    step: int
    expected: Any

    @property
    def is_wait(self) -> bool:
        """Whether time passes in it."""
        return self.example.steps is not None and self.example.steps[self.step].after is not UNSET

    def mismatch(self, message: str, got: Any, line: int | None = None) -> Mismatch:
        """Return a mismatch of this step."""
        steps, reading = self.example.steps, None
        if not self.is_wait:
            before = [] if steps is None else [each for each in steps[: self.step] if each.after is not UNSET]
            reading = self.step + 1 - len(before)
        return Mismatch(
            example=self.example.name,
            reading=reading,
            step=None if steps is None else self.step + 1,
            message=message,
            expected=self.expected,
            got=got,
            line=line,
        )


def _of_one(example: Example, number: int, ran: TrialResult) -> Iterator[Mismatch]:
    case = ran.cases[number] if number < len(ran.cases) else None
    done = 0 if case is None else case.done
    places = [
        _Place(example, step, None if example.results is None else example.results[step])
        for step in range(len(example.all_steps))
    ]
    for place in places[:done]:
        if case is not None and (found := _of_step(place, case.steps[place.step])) is not None:
            yield found
    if done < len(places):
        what = "time did not pass" if places[done].is_wait else "reading was not run"
        yield places[done].mismatch(f"The {what}. {ran.stopped}", None)
        return
    tried = [] if case is None else case.tried
    if example.state_after is not None:
        after = msgspec.json.decode(tried[-1].state) if tried else example.state
        if (at := _difference(example.state_after, after)) is not None:
            yield Mismatch(
                example=example.name,
                reading=None,
                message=f"The state afterwards differs{at}.",
                expected=example.state_after,
                got=after,
            )
    if example.alarms_after is not None:
        expected, active = sorted({*example.alarms_after}), _active(tried)
        if active != expected:
            yield Mismatch(
                example=example.name,
                reading=None,
                message=f"The active alarms afterwards differ: expected {_shown(expected)}, "
                f"got {_shown(active)}.",
                expected=expected,
                got=active,
            )


def _active(tried: Sequence[Tried]) -> list[str]:
    """Return the names of the alarms that are active at the end."""
    active = set[str]()
    for each in tried:
        active |= each.alarms.keys()
        active -= {name for name, raised in each.alarms.items() if raised is None}
    return sorted(active)


def _of_step(place: _Place, tried: Sequence[Tried]) -> Mismatch | None:
    """Return the mismatch of a step that was run: of a reading, or of the timers that ran in it."""
    expected = place.expected
    failed = next((each for each in tried if each.error is not None), None)
    if _is_error(expected):
        if failed is None:
            succeeded = "no timer failed" if place.is_wait else "the reading succeeded"
            return place.mismatch(
                f"Expected an error, but {succeeded}.{_ran(place, tried)}", _returned(tried)
            )
        others = (each for each in tried if each.error and expected["error"] not in each.error.message)
        if (other := next(others, None)) is not None and other.error is not None:
            what = f"The timer {other.timer.name} failed" if other.timer else "Failed"
            message = f"{what} with a different error: {other.error.message}."
            return place.mismatch(message, _failed(other.error), other.error.line)
    elif failed is not None and failed.error is not None:
        what = f"timer {failed.timer.name}" if failed.timer else "reading"
        message = f"The {what} failed: {failed.error.message}."
        return place.mismatch(message, _failed(failed.error), failed.error.line)
    elif place.example.results is not None:
        got = _returned(tried)
        if (most := len(_listed(expected))) != (there := len(_listed(got))):
            message = f"The number of results differs: expected {most}, got {there}.{_ran(place, tried)}"
            return place.mismatch(message, got)
        if (at := _difference(_listed(expected), _listed(got))) is not None:
            # If there is a single result, the path need not say that it is the first.
            at = at.replace("$[0]", "$", 1) if isinstance(expected, dict) and isinstance(got, dict) else at
            return place.mismatch(f"The result differs{at}.{_ran(place, tried)}", got)
    return None


def _ran(place: _Place, tried: Sequence[Tried]) -> str:
    """Return a sentence that names the timers that ran, if time passes in the step."""
    if not place.is_wait:
        return ""
    names = [each.timer.name for each in tried if each.timer is not None]
    if not names:
        return " No timer ran."
    more = len(names) - _NAMES
    shown = ", ".join(names[:_NAMES]) + (f" and {more:,} more" if more > 0 else "")
    return f" This timer ran: {shown}." if len(names) == 1 else f" These timers ran: {shown}."


def _is_error(expected: Any) -> bool:
    return isinstance(expected, dict) and expected.keys() == {"error"} and isinstance(expected["error"], str)


def _failed(error: Failure) -> dict[str, str]:
    return {"error": error.message}


def _returned(tried: Sequence[Tried]) -> Any:
    """Return the results of a step in the form of an example."""
    results = [msgspec.json.decode(result) for each in tried for result in each.results]
    if not results:
        return None
    return results[0] if len(results) == 1 and not _is_error(results[0]) else results


def _listed(results: Any) -> list[Any]:
    """Return the results as a list. None equals an empty list, and an object equals a list of one."""
    return results if isinstance(results, list) else [] if results is None else [results]


def _difference(expected: Any, got: Any, path: str = "$") -> str | None:
    """Return the first difference of two JSON values, as the end of a sentence; None if they are equal."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for key in expected:
            if key not in got:
                return f" at {path}: {_shown(key)} is missing"
            if (at := _difference(expected[key], got[key], f"{path}.{key}")) is not None:
                return at
        more = next((key for key in got if key not in expected), None)
        return None if more is None else f" at {path}: {_shown(more)} is unexpected"
    if isinstance(expected, list) and isinstance(got, list):
        for place, (one, other) in enumerate(zip(expected, got, strict=False)):
            if (at := _difference(one, other, f"{path}[{place}]")) is not None:
                return at
        if len(expected) != len(got):
            return f" at {path}: expected {len(expected)} items, got {len(got)}"
        return None
    if _is_number(expected) and _is_number(got):
        equal = expected == got
    else:
        equal = type(expected) is type(got) and expected == got
    return None if equal else f" at {path}: expected {_shown(expected)}, got {_shown(got)}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


class ExamplesFailed(IotLogicError):
    """At least one example of a logic fails. The deployed version has not changed."""

    def __init__(self, mismatches: Sequence[Mismatch]) -> None:
        super().__init__(f"The examples of the logic fail, with {len(mismatches)} difference(s)")
        self.mismatches = list(mismatches)


class ExamplesUnfit(IotLogicError):
    """The examples of a logic are invalid: there are too many, or they are inconsistent."""
