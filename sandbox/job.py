"""What goes into the sandbox and what comes out: a `Job` in, a `Report` of one `Outcome` a reading out."""

import hashlib
from typing import Final, Literal, Self

from msgspec import Struct


class Logic(Struct, frozen=True):
    """A logic as the sandbox takes it.

    `code` is what `Sandbox.check` gave for this source, or None: then the child compiles the source
    itself. The caller vouches for `code` (the pipeline by a signature): the child unmarshals it.
    """

    digest: str
    source: str
    code: bytes | None = None

    @classmethod
    def of(cls, source: str) -> Self:
        """The logic with this source, still to be compiled."""
        return cls(digest=digest_of(source), source=source)


def digest_of(source: str) -> str:
    """The name of a source by its content: SHA-256 of its UTF-8, in hex.

    A lone surrogate, which a JSON string may carry and the policy refuses, is hashed as it stands.
    """
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


class Problem(Struct, frozen=True):
    """A problem for which a logic is refused.

    `line` and `column` count from 1. `text` is the part of the source with the problem, at most one line.
    `message` says what is wrong, and `hint` what to write instead; it can be empty.
    """

    line: int
    column: int
    text: str
    message: str
    hint: str = ""


class Checked(Struct, frozen=True):
    """The verdict on a source: `problems` is empty, and `code` there, where it is accepted."""

    problems: tuple[Problem, ...] = ()
    code: bytes | None = None

    @property
    def accepted(self) -> bool:
        """Whether the logic may run."""
        return not self.problems and self.code is not None


class Job(Struct, frozen=True):
    """Readings of one machine, in order, for one logic.

    `state` is the JSON object the machine's state was before the first; each of `readings` is the
    reading's bytes as the device sent them (the child finds out whether they are JSON). `config` is the
    JSON object that the logic reads as `config`.
    """

    logic: Logic
    state: bytes
    readings: list[bytes]
    config: bytes = b"{}"


class Failure(Struct, frozen=True, omit_defaults=True):
    """The error of a reading.

    `message` has at most 500 characters and no control characters. `line` is the line number in the logic, if
    there is one, and `text` that line. `limit` names the exceeded limit and `allowed` its value, for outcomes
    of kind "limit".
    """

    message: str
    line: int | None = None
    text: str = ""
    limit: str | None = None
    allowed: float | None = None


#: How many children a logic may cost, before it is not run any more. Others' readings wait for each of them.
KILLS: Final = 3

#: How many readings in a row a logic may be stopped on for want of fuel or time, before it is not run any
#: more. Each takes some ten milliseconds, up to two tenths of a second.
EXHAUSTIONS: Final = 10

#: The limits that stop a logic that does not end.
_EXHAUSTING: Final = frozenset({"fuel", "soft_seconds"})

#: `ok`, or why a reading failed: it is not JSON, `process` raised or returned what it may not, a limit was
#: exceeded, the logic itself does not pass this version's policy, or it is not run any more because it had
#: to be stopped too often. The last three are the caller's, for readings that it gives to no sandbox: there
#: is no logic, the machine is paused, or no machine is named.
OutcomeKind = Literal[
    "ok", "not-json", "error", "limit", "refused", "quarantined", "no-logic", "paused", "machine-id"
]


class Outcome(Struct, frozen=True):
    """What became of one reading.

    `results` are JSON objects, in the order `process` returned them (a dict is one, a list of dicts
    several, None is none). A reading that failed left the state as it was. `killed`: the child had to be
    killed, or died, while it worked on this reading. `fuel` is the ticks used; `peaks` the largest of
    what was measured, by name of the limit.
    """

    kind: OutcomeKind
    results: list[bytes] = []
    failure: Failure | None = None
    killed: bool = False
    fuel: int = 0
    peaks: dict[str, int] = {}

    @property
    def exhausted(self) -> bool:
        """Whether it was stopped for want of fuel or time."""
        return self.failure is not None and self.failure.limit in _EXHAUSTING


class Report(Struct, frozen=True):
    """What became of a `Job`: the state after its last reading, and one outcome for each, in order."""

    state: bytes
    outcomes: list[Outcome]
