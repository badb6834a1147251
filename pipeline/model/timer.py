"""Timers: a logic sets them with `set_timer`, and its `on_timer` runs when they are due.

They are part of the machine's record, so they change with the state, in one write: a timer that is set is
never lost, and its run is applied once. The rules:

1.  *A timer runs in order with the readings of its machine.* Before a reading, each timer runs that was due
    when the reading was received (`sandbox.parent.batch`). So a reading that waited in a queue for an hour
    finds the timers as they were then, and no silence is reported that there was not.
2.  *Without a reading, a timer runs when it is due and no earlier reading can follow.* The partition knows
    that from a probe, which overtakes no reading (`pipeline.worker.partition`). While readings of the machine
    wait in the overflow, its timers wait for them.
3.  *An index in Redis says which machines have a timer that is due* (`pipeline.store.timers`). It changes in
    the same script as the record. It may name a machine too early, but never too late: a session may know an
    older time than the index has. A worker asks it only for the partitions that it holds, and only the
    session of the machine's home runs its timers, so no two sessions do. If the home is a deleted source,
    partition 0 runs them (`pipeline.worker.ways`).
4.  *The index forgets a run only when the broker has confirmed its messages.* Nothing redelivers a timer as a
    reading is redelivered. If a worker is killed before, the next session finds the machine in the index, no
    timer in its record, and the messages in its record; it publishes these again, under the same ids.
5.  *A run has a number of its own*, `timer-<number>`. Results and dead letters have it as their id. So the
    running numbers of readings have no gaps.
6.  *A run that fails is a dead letter*, whose body names the timer. It can be sent again, and uses up its
    letter as a reading does. The claim proves that it is one (`pipeline.model.claim`): what a device sends
    is always a reading.

The limits: a reading that the broker has accepted but not queued yet may miss by some milliseconds a timer
that is due at that moment. Then it comes after the timer. And a machine that was imported with `--ahead`
looks as if readings of it were in the overflow. So its timers wait for its next reading
(`pipeline.backup.restore`).
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from pipeline.clock import milliseconds, rfc3339
from pipeline.model.claim import Claim
from pipeline.model.reading import Reading
from pipeline.wire import TIMER_RUN_NAME_PATTERN
from sandbox.job import TimerRun

_LETTER_NAME: Final = re.compile(TIMER_RUN_NAME_PATTERN)


class FailedTimer(Struct, frozen=True):
    """The body of a timer's dead letter: the timer's name, and when it was due (RFC 3339, UTC)."""

    timer: str
    due: str


_decode = msgspec.json.Decoder(FailedTimer).decode


def name_of(number: int) -> str:
    """Return the name of a run."""
    return f"timer-{number}"


def run_of(name: str) -> int | None:
    """Return the number of the run in the name of a letter; None if it is not the letter of a timer."""
    return int(name.removeprefix("timer-")) if _LETTER_NAME.fullmatch(name) else None


def body_of(run: TimerRun) -> bytes:
    """Return the body of the dead letter of a run."""
    return msgspec.json.encode(FailedTimer(run.name, rfc3339(run.due / 1000)))


def is_timer(claim: Claim | None) -> bool:
    """Return whether a claim is on the dead letter of a timer."""
    return claim is not None and _LETTER_NAME.fullmatch(claim.number) is not None


def run_again(reading: Reading) -> TimerRun | None:
    """Return the run of a timer that is sent again; None for a reading. The claim must be verified."""
    if not is_timer(reading.claim):
        return None
    failed = _decode(reading.body)
    return TimerRun(failed.timer, milliseconds(failed.due), reading.received, again=True)


def may_set_timers(source: str) -> bool:
    """Return whether a logic may set or cancel timers. A comment with this word counts as well.

    So do letters beyond ASCII: Python takes some of them for those of ASCII in a name.
    """
    return "timer" in source or not source.isascii()


def next_due(timers: Mapping[str, int]) -> int | None:
    """Return when the first of these timers is due, in milliseconds since 1970."""
    return min(timers.values(), default=None)
