"""Examples: the tests that travel with a logic, and whether it does what they say.

Numbers are equal where their values are: 1 and 1.0 are, 0.1 + 0.2 and 0.3 are not, nor are 1 and true. All
else is equal as JSON is: the order of an object's keys says nothing, that of a list does. Nothing is rounded
or left out of the comparison, because consumers of the results see all of it too.

Each example is run by itself, from the state and with the config that it names, so none depends on another,
and none on a machine.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from pipeline.errors import IotLogicError
from pipeline.trials.runner import READINGS, Case, TrialResult
from pipeline.trials.trial import Tried
from sandbox.errors import LogicError
from sandbox.job import Failure
from sandbox.limits import Limits
from sandbox.runtime.values import encode_config, encode_state

if TYPE_CHECKING:
    pass

#: Examples that a logic may have, and their bytes as JSON, together.
EXAMPLES: Final = 100
BYTES: Final = 256 << 10

#: Mismatches that are shown of a logic.
MISMATCHES: Final = 100

#: Characters of a value in a message.
_SHOWN: Final = 60


class Example(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a logic is to do: readings in, results and a state out.

    `state` is the state before, `config` what the logic reads as `config`. `results` has an entry for each
    reading: what `process` returns (null, an object, or a list of objects), or `{"error": TEXT}` where the
    reading is to fail with a message that contains the text. A result that is itself such an object is
    written in a list. Where `results` or `state_after` are left out, they are not compared; but no reading
    may fail that is not said to.
    """

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    readings: Annotated[list[Any], Meta(min_length=1, max_length=READINGS)]
    state: dict[str, Any] = {}
    config: dict[str, Any] = {}
    results: list[dict[str, Any] | list[dict[str, Any]] | None] | None = None
    state_after: dict[str, Any] | None = None


class Mismatch(Struct, kw_only=True):
    """Where a logic does not do what an example says.

    `reading` counts the example's readings from 1; it is null where it is about the state. `expected` is as
    the example has it, `got` what came instead, written in the same way; `line` is the logic's line, where
    the reading failed in one.
    """

    example: str
    reading: int | None
    message: str
    expected: Any
    got: Any
    line: int | None = None


def encoded(examples: Sequence[Example]) -> bytes:
    """Examples as they are kept: empty where there are none. Raises `ExamplesUnfit`."""
    if not examples:
        return b""
    for example in examples:
        if example.results is not None and len(example.results) != len(example.readings):
            raise ExamplesUnfit(
                f"the example {example.name!r} has {len(example.readings)} readings and "
                f"{len(example.results)} results; each reading has one"
            )
    kept = msgspec.json.encode(examples)
    if len(kept) > BYTES:
        raise ExamplesUnfit(f"the examples have {len(kept):,} bytes of JSON; {BYTES:,} are the most")
    if (readings := sum(len(example.readings) for example in examples)) > READINGS:
        raise ExamplesUnfit(f"the examples have {readings:,} readings; {READINGS:,} are the most")
    [(name, most), *_] = Counter(example.name for example in examples).most_common(1)
    if most > 1:
        raise ExamplesUnfit(f"{most} examples have the name {name!r}; each must have its own")
    return kept


def decoded(kept: bytes) -> list[Example]:
    """Examples as they were encoded."""
    return msgspec.json.decode(kept, type=list[Example]) if kept else []


def cases(examples: Sequence[Example], limits: Limits) -> tuple[list[Case], list[Mismatch]]:
    """What is to be run; or which examples cannot be, for their state or config."""
    ready, wrong = list[Case](), list[Mismatch]()
    for example in examples:
        try:
            state, config = encode_state(example.state, limits), encode_config(example.config, limits)
        except LogicError as e:
            message = f"It cannot be run: {e}."
            wrong.append(
                Mismatch(example=example.name, reading=None, message=message, expected=None, got=None)
            )
        else:
            ready.append(Case(state, [msgspec.json.encode(reading) for reading in example.readings], config))
    return ready, wrong


def mismatches(examples: Sequence[Example], ran: TrialResult) -> list[Mismatch]:
    """Where a run of the examples' cases was not as they say; empty where all was."""
    return [each for number, example in enumerate(examples) for each in _of_one(example, number, ran)]


def _of_one(example: Example, number: int, ran: TrialResult) -> Iterator[Mismatch]:
    tried = ran.tried[number] if number < len(ran.tried) else []
    for place, reading in enumerate(tried):
        if (found := _of_reading(example, place, reading)) is not None:
            yield found
    if len(tried) < len(example.readings):
        message = f"It was not run. {ran.stopped}"
        yield _mismatch(example, len(tried), message, _expected(example, len(tried)), None)
    elif example.state_after is not None:
        after = msgspec.json.decode(tried[-1].state)
        if (at := _difference(example.state_after, after)) is not None:
            yield _mismatch(example, None, f"The state after it differs{at}.", example.state_after, after)


def _of_reading(example: Example, place: int, tried: Tried) -> Mismatch | None:
    expected = _expected(example, place)
    if _is_error(expected):
        if tried.error is None:
            return _mismatch(example, place, "It was to fail, and did not.", expected, _returned(tried))
        if expected["error"] not in tried.error.message:
            message = f"It failed otherwise: {tried.error.message}."
            return _mismatch(example, place, message, expected, _failed(tried.error), tried.error.line)
    elif tried.error is not None:
        message = f"It failed: {tried.error.message}."
        return _mismatch(example, place, message, expected, _failed(tried.error), tried.error.line)
    elif example.results is not None:
        got = _returned(tried)
        if (most := len(_listed(expected))) != (there := len(tried.results)):
            message = f"The number of results differs: {most} expected, {there} there."
            return _mismatch(example, place, message, expected, got)
        if (at := _difference(_listed(expected), _listed(got))) is not None:
            # Of a single result, the path need not say that it is the first.
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
    """Its results as an example has them."""
    results = [msgspec.json.decode(result) for result in tried.results]
    if not results:
        return None
    return results[0] if len(results) == 1 and not _is_error(results[0]) else results


def _listed(results: Any) -> list[Any]:
    """What is emitted: none and an empty list are the same, and so are an object and a list of one."""
    return results if isinstance(results, list) else [] if results is None else [results]


def _difference(expected: Any, got: Any, path: str = "$") -> str | None:
    """Where two JSON values differ first, as the end of a sentence; None where they are equal."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for key in expected:
            if key not in got:
                return f" at {path}: {_shown(key)} is missing"
            if (at := _difference(expected[key], got[key], f"{path}.{key}")) is not None:
                return at
        more = next((key for key in got if key not in expected), None)
        return None if more is None else f" at {path}: {_shown(more)} was not expected"
    if isinstance(expected, list) and isinstance(got, list):
        for place, (one, other) in enumerate(zip(expected, got, strict=False)):
            if (at := _difference(one, other, f"{path}[{place}]")) is not None:
                return at
        if len(expected) != len(got):
            return f" at {path}: {len(expected)} expected, {len(got)} there"
        return None
    if _is_number(expected) and _is_number(got):
        equal = expected == got
    else:
        equal = type(expected) is type(got) and expected == got
    return None if equal else f" at {path}: {_shown(expected)} expected, {_shown(got)} there"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


class ExamplesFailed(IotLogicError):
    """A logic does not do what its examples say. What was in force stays in force."""

    def __init__(self, mismatches: "Sequence[Mismatch]") -> None:
        super().__init__(f"the examples fail in {len(mismatches)} place(s)")
        self.mismatches = list(mismatches)


class ExamplesUnfit(IotLogicError):
    """Examples cannot be kept with a logic: they are too many, or contradict themselves."""
