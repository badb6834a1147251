"""Examples: the tests of a logic, kept with it, and the check that it passes them.

Numbers are equal if their values are: 1 and 1.0 are equal; 0.1 + 0.2 and 0.3 are not, and neither are 1 and
true. All other values are compared as JSON: the order of an object's keys does not matter, the order of a
list does. The comparison rounds nothing and leaves nothing out, because consumers of the results see
everything too.

Each example is run separately, from the state and with the config that it names. So no example depends on
another or on a machine.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from pipeline.errors import IotLogicError, ReadingUnfit
from pipeline.model.machine_settings import MachineSettings, ReadingMeta
from pipeline.trials.runner import READINGS, Case, TrialResult, Trials
from pipeline.trials.trial import Tried
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


class Example(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A test of a logic: readings, and the expected results and state.

    `state` is the state before the first reading, and `config` the config of the logic. `results` has an
    entry for each reading: the value that `process` must return (null, an object, or a list of objects), or
    `{"error": TEXT}` if the reading must fail with a message that contains the text. To expect such an object
    as a result, put it in a list. `results` and `state_after` are optional and compared only if given. A
    reading must not fail unless an error is expected. `format` is the format of the readings: a text is
    written as a text, and any format but JSON and text in hex, such as "01 67 00 fa". `meta` is what the
    logic reads as `meta` with each reading.
    """

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    readings: Annotated[list[Any], Meta(min_length=1, max_length=READINGS)]
    state: dict[str, Any] = {}
    config: dict[str, Any] = {}
    format: Format = "json"
    meta: ReadingMeta = ReadingMeta()
    results: list[dict[str, Any] | list[dict[str, Any]] | None] | None = None
    state_after: dict[str, Any] | None = None


class Mismatch(Struct, kw_only=True):
    """A difference between an example and the behaviour of the logic.

    `reading` is the number of the reading in the example, counted from 1; it is null if the state differs.
    `expected` is the expected value, `got` the actual one. `line` is the line number in the logic, if the
    reading failed at one.
    """

    example: str
    reading: int | None
    message: str
    expected: Any
    got: Any
    line: int | None = None


def encoded(examples: Sequence[Example]) -> bytes:
    """Encode examples to be kept; empty if there are none. Raises `ExamplesUnfit`."""
    if not examples:
        return b""
    for example in examples:
        if example.results is not None and len(example.results) != len(example.readings):
            raise ExamplesUnfit(
                f"the example {example.name!r} has {len(example.readings)} readings but "
                f"{len(example.results)} results; give one result for each reading"
            )
    kept = msgspec.json.encode(examples)
    if len(kept) > BYTES:
        raise ExamplesUnfit(f"the examples have {len(kept):,} bytes of JSON; the maximum is {BYTES:,}")
    if (readings := sum(len(example.readings) for example in examples)) > READINGS:
        raise ExamplesUnfit(f"the examples have {readings:,} readings; the maximum is {READINGS:,}")
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
            settings = MachineSettings(format=example.format)
            readings = [sent_reading(reading, settings) for reading in example.readings]
        except (LogicError, ReadingUnfit) as e:
            message = f"The example cannot be run: {e}."
            wrong.append(
                Mismatch(example=example.name, reading=None, message=message, expected=None, got=None)
            )
        else:
            metas = [example.meta] * len(readings)
            ready.append(Case(state, readings, config, settings, metas))
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


def _of_one(example: Example, number: int, ran: TrialResult) -> Iterator[Mismatch]:
    tried = ran.tried[number] if number < len(ran.tried) else []
    for place, reading in enumerate(tried):
        if (found := _of_reading(example, place, reading)) is not None:
            yield found
    if len(tried) < len(example.readings):
        message = f"The reading was not run. {ran.stopped}"
        yield _mismatch(example, len(tried), message, _expected(example, len(tried)), None)
    elif example.state_after is not None:
        after = msgspec.json.decode(tried[-1].state)
        if (at := _difference(example.state_after, after)) is not None:
            yield _mismatch(example, None, f"The state afterwards differs{at}.", example.state_after, after)


def _of_reading(example: Example, place: int, tried: Tried) -> Mismatch | None:
    expected = _expected(example, place)
    if _is_error(expected):
        if tried.error is None:
            return _mismatch(
                example, place, "Expected an error, but the reading succeeded.", expected, _returned(tried)
            )
        if expected["error"] not in tried.error.message:
            message = f"Failed with a different error: {tried.error.message}."
            return _mismatch(example, place, message, expected, _failed(tried.error), tried.error.line)
    elif tried.error is not None:
        message = f"The reading failed: {tried.error.message}."
        return _mismatch(example, place, message, expected, _failed(tried.error), tried.error.line)
    elif example.results is not None:
        got = _returned(tried)
        if (most := len(_listed(expected))) != (there := len(tried.results)):
            message = f"The number of results differs: expected {most}, got {there}."
            return _mismatch(example, place, message, expected, got)
        if (at := _difference(_listed(expected), _listed(got))) is not None:
            # If there is a single result, the path need not say that it is the first.
            at = at.replace("$[0]", "$", 1) if isinstance(expected, dict) and isinstance(got, dict) else at
            return _mismatch(example, place, f"The result differs{at}.", expected, got)
    return None


def _expected(example: Example, place: int) -> Any:
    return None if example.results is None else example.results[place]


def _mismatch(
    example: Example, place: int | None, message: str, expected: Any, got: Any, line: int | None = None
) -> Mismatch:
    reading = None if place is None else place + 1
    return Mismatch(
        example=example.name, reading=reading, message=message, expected=expected, got=got, line=line
    )


def _is_error(expected: Any) -> bool:
    return isinstance(expected, dict) and expected.keys() == {"error"} and isinstance(expected["error"], str)


def _failed(error: Failure) -> dict[str, str]:
    return {"error": error.message}


def _returned(tried: Tried) -> Any:
    """Return the results in the form of an example."""
    results = [msgspec.json.decode(result) for result in tried.results]
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
