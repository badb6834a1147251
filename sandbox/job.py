"""The input and output of the sandbox: a `Job` in, a `Report` with one `Outcome` per reading out."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal, Protocol, Self

from msgspec import Meta, Struct

#: The file name of the code of a logic, which identifies the logic's own lines in tracebacks.
FILENAME: Final = "<logic>"


class Logic(Struct, frozen=True):
    """A logic, as input of the sandbox.

    `code` is the result of `Sandbox.check` for this source. If it is None, the child compiles the source
    itself. The child unmarshals `code`, so the caller must guarantee its origin (the pipeline does so by a
    signature).
    """

    digest: str
    source: str
    code: bytes | None = None

    @classmethod
    def of(cls, source: str) -> Self:
        """Return a logic with this source, which is not compiled yet."""
        return cls(digest=digest_of(source), source=source)


def digest_of(source: str) -> str:
    """Return the digest that names a source: SHA-256 of its UTF-8, in hex.

    A lone surrogate, which a JSON string may contain and the policy refuses, is hashed unchanged.
    """
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


class Problem(Struct, frozen=True):
    """A problem for which a logic is refused, or a note about a logic that is accepted.

    `line` and `column` count from 1. `text` is the part of the source with the problem, at most one line.
    `message` says what is wrong, and `hint` what to write instead; it can be empty.
    """

    line: int
    column: int
    text: str
    message: str
    hint: str = ""


#: The most problems, and the most notes, of one source to report; the others appear when these are fixed.
PROBLEMS: Final = 100


class Checked(Struct, frozen=True):
    """The verdict on a source: if it is accepted, `problems` is empty and `code` is set.

    `notes` are for the author, and do not refuse the source.
    """

    problems: Annotated[tuple[Problem, ...], Meta(max_length=PROBLEMS)] = ()
    code: bytes | None = None
    notes: Annotated[tuple[Problem, ...], Meta(max_length=PROBLEMS)] = ()

    @property
    def accepted(self) -> bool:
        """Whether the logic may run."""
        return not self.problems and self.code is not None


#: The names of timers, as a regular expression.
TIMER_NAME_PATTERN: Final = "[A-Za-z0-9_-]{1,64}"

#: The most timers of a machine that the limits may allow, and so of an outcome.
TIMERS: Final = 64

#: The names of alarms, as a regular expression.
ALARM_NAME_PATTERN: Final = "[A-Za-z0-9_-]{1,64}"

#: The most characters of an alarm's message.
ALARM_MESSAGE_CHARS: Final = 500

#: The most active alarms of a machine that the limits may allow, and so of an outcome.
ALARMS: Final = 64

#: How severe an alarm is, in rising order (ITU-T X.733, 8.1.2.3).
Severity = Literal["warning", "minor", "major", "critical"]

#: The format of a machine's readings; `sandbox.runtime.payload` decodes them.
Format = Literal["json", "text", "binary", "cbor", "msgpack"]

#: How a machine's readings are compressed.
Compression = Literal["none", "gzip", "zlib"]


class TimerRun(Struct, frozen=True, array_like=True):
    """A run of `on_timer`: the timer's name, when it was due, and when it runs.

    Times are in milliseconds since 1970. `again` says that the timer ran before and failed.
    """

    name: str
    due: int
    received: int
    again: bool = False


class Raised(Struct, frozen=True, array_like=True):
    """An alarm that a logic raises. `details` is a JSON object."""

    severity: Severity
    message: Annotated[str, Meta(max_length=ALARM_MESSAGE_CHARS)]
    details: bytes


class Repeat(Protocol):
    """A timer that is due again and again. All times are in milliseconds since 1970."""

    def last(self, after: int, until: int) -> int | None:
        """Return the last time at which it is due that is later than `after` and not later than `until`."""

    def next(self, after: int) -> int | None:
        """Return the first time at which it is due that is later than `after`."""


#: Precedes the name of a timer that repeats, in `Job.timers`. So it is never one that the logic sets.
REPEATING: Final = "schedule:"


class Job(Struct, frozen=True):
    """Readings of one machine, in order, for one logic.

    `state` is the machine's state before the first reading, as a JSON object. `readings` has the bytes of
    each reading as the device sent them; the child decodes them. A timer that failed and is run again stands
    there too. `config` is the JSON object that the logic reads as `config`. `metas` has for each reading the
    JSON object that the logic reads as `meta`; it may be empty if the logic does not read it. `fuel` is the
    fuel of one reading; None means that of the limits.

    `times` says when each reading was received, and `timers` when each of the machine's timers is due, both
    in milliseconds since 1970. A timer that is due runs before the next reading, and after the last reading
    if it is due at `until`. It runs at the time of that reading or `until`, or exactly when it is due if
    `exact` is set. Without times, a logic can set no timers. A timer in `repeats` is set again when it runs;
    its name begins with `REPEATING`, which the logic does not see. If it was due several times, it runs once,
    for the last of them, except if `exact` is set.

    `alarms` has the names of the machine's active alarms.
    """

    logic: Logic
    state: bytes
    readings: Sequence[bytes | TimerRun]
    config: bytes = b"{}"
    format: Format = "json"
    compression: Compression = "none"
    fuel: int | None = None
    metas: Sequence[bytes] = []
    times: Sequence[int] = []
    timers: dict[str, int] = {}
    until: int | None = None
    exact: bool = False
    repeats: Mapping[str, Repeat] = {}
    alarms: frozenset[str] = frozenset()


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


#: How many children may be lost over a logic before it no longer runs. Other readings wait for each new
#: child.
KILLS: Final = 3

#: On how many readings in a row a logic may run out of fuel or time before it no longer runs. Each of them
#: takes some ten milliseconds, up to two tenths of a second.
EXHAUSTIONS: Final = 10

#: The limits that stop a logic that does not end. The last one stops a logic that takes too long on many
#: readings, each of which ends.
_EXHAUSTING: Final = frozenset({"fuel", "soft_seconds", "batch_seconds"})

#: `ok`, or the reason why a reading failed: it is not JSON, or not valid in another format, `process` raised
#: an error or returned an invalid value, a limit was exceeded, the logic does not pass this version's policy,
#: or it no longer runs because it had to be stopped too often. The caller sets the last five, for readings
#: that it does not give to a sandbox: there is no logic, the machine is paused, no machine is named, the
#: machine's readings come by another source, or the reading is late.
OutcomeKind = Literal[
    "ok",
    "not-json",
    "invalid-payload",
    "error",
    "limit",
    "refused",
    "quarantined",
    "no-logic",
    "paused",
    "machine-id",
    "other-source",
    "late",
]


class Outcome(Struct, frozen=True, omit_defaults=True):
    """The outcome of one reading, or of one run of a timer.

    `results` are JSON objects, in the order in which `process` returned them (a dict is one, a list of dicts
    is several, None is none). A failed reading leaves the state unchanged. `killed`: the child had to be
    killed, or died, while it worked on this reading. `fuel` is the number of ticks used; `peaks` has the
    largest measured values, by name of the limit. `timers` has the timers that were set, each with the time
    at which it is due in milliseconds since 1970, and those that were cancelled, with None. `alarms` has
    likewise the alarms that were raised, and the active ones that were cleared.
    """

    kind: OutcomeKind
    results: list[bytes] = []
    failure: Failure | None = None
    killed: bool = False
    fuel: int = 0
    peaks: Annotated[dict[str, int], Meta(max_length=100)] = {}
    timers: Annotated[dict[str, int | None], Meta(max_length=2 * TIMERS)] = {}
    alarms: Annotated[dict[str, Raised | None], Meta(max_length=2 * ALARMS)] = {}

    @property
    def exhausted(self) -> bool:
        """Whether the logic was stopped because it ran out of fuel or time."""
        return self.failure is not None and self.failure.limit in _EXHAUSTING


class Report(Struct, frozen=True):
    """The result of a `Job`: the state after its last reading, and one outcome per reading, in order.

    Timers that ran have an outcome too. `ran` has their runs, by the place of the outcome. `timers` are the
    timers after the last of them.
    """

    state: bytes
    outcomes: list[Outcome]
    ran: dict[int, TimerRun] = {}
    timers: dict[str, int] = {}
