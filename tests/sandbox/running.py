"""Runs a logic in this process, with only the policy and the guards: no child, no seccomp, no deadline."""

from typing import Any, NamedTuple

import msgspec

from sandbox.child.program import Program, bounded_recursion, examine, failure_of
from sandbox.errors import LimitExceeded, LogicError
from sandbox.job import Failure, Logic, Problem
from sandbox.limits import Limits
from sandbox.runtime.values import decode_config, encode, encode_config

READING: dict[str, Any] = {"machine": "m1", "v": 5, "signal": 1, "timestamp": 1700000000}


class Ran(NamedTuple):
    """The outcome of one reading, in the terms of the corpus."""

    kind: str
    results: list[Any]
    state: Any
    failure: Failure | None = None
    problems: tuple[Problem, ...] = ()


def fresh(value: Any) -> Any:
    """Return a copy of a value, as if it had been received."""
    return msgspec.json.decode(msgspec.json.encode(value))


def run(
    source: str | bytes,
    *readings: Any,
    state: dict[str, Any] | None = None,
    limits: Limits | None = None,
    config: dict[str, Any] | None = None,
) -> Ran:
    """Run readings through a logic, and pass the state from one to the next. Return the last outcome."""
    limits = limits or Limits()
    settings = decode_config(encode_config(config or {}, limits))
    with bounded_recursion(limits):
        checked = examine(source, limits)
    if checked.problems:
        return Ran("refused-at-upload", [], state, problems=checked.problems)
    text = source.decode() if isinstance(source, bytes) else source
    program = Program.load(Logic("digest", text, checked.code), limits)
    kept = fresh(state or {})
    results: list[Any] = []
    with bounded_recursion(limits):
        for reading in readings or (READING,):
            changed = fresh(kept)
            try:
                encoded, encoded_state = encode(
                    program.process(fresh(reading), changed, settings), changed, limits
                )
            except LimitExceeded as error:
                return Ran("limit", [], kept, failure_of(error, text))
            except LogicError as error:
                return Ran("runtime-error", [], kept, failure_of(error, text))
            kept = msgspec.json.decode(encoded_state)
            results = [msgspec.json.decode(result) for result in encoded]
    return Ran("ok", results, kept)


def process(body: str) -> str:
    """Return the source of a logic with this body."""
    return "def process(data, state):\n" + "\n".join(f"    {line}" for line in body.splitlines()) + "\n"
