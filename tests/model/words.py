"""Steps and sizes in plain words."""

from typing import Any, Final

from tests.model.broker import machine_of
from tests.model.world import Bounds, Label

_WORDS: Final = {
    "settle": "the broker applies the next acknowledgement",
    "close": "the channel of {0} closes: the broker returns its messages to the queue",
    "drop": "the connection of {0} is lost: the broker returns its messages; {0} does not notice",
    "heal": "the link between the broker's nodes is back: {0} can become active again",
    "cut": "the link to the node of {0} is cut: the broker returns its messages and makes the next session "
    "active; {0} does not notice",
    "crash": "the broker crashes and starts again: everything in flight is lost, and all channels have ended",
    "late fence": "the unanswered write of {0} to the fence takes effect now",
    "late write": "the unanswered write of {0} to the record of {machine} takes effect now",
    "edit": "a user edits the state of {machine} over the API",
    "consume": "{0} consumes the queue",
    "fence": "{0} puts its name into the fence",
    "fence there": "{0} reads the fence and finds its own name there",
    "fence refused": "{0} cannot take the fence, and is given up",
    "fence unanswered, given up": "{0} tries to take the fence, gets no answer and is given up",
    "fence unanswered": "{0} tries to take the fence and gets no answer",
    "receive": "{0} receives reading {1}{flag}",
    "receive and end": "{0} receives {1}, which has come back within this session{flag}, and ends",
    "receive probe": "{0} receives a probe, and acknowledges it",
    "take": "{0} takes {readings} and reads the record",
    "take unread": "{0} takes {readings}",
    "answer": "the channel of {0} answers basic.qos: {0} believes that it is active",
    "no answer": "the channel of {0} has ended: {0} ends",
    "known": "{0} finds the readings of {machine} already applied",
    "fence seen": "{0} reads the fence and finds its name",
    "fenced off": "{0} may not write, because the fence has another name: {0} ends",
    "write": "{0} applies {readings} to the state of {machine}",
    "write unanswered": "{0} writes {readings} to the record of {machine} and gets no answer",
    "take over": "{0} recognises the readings of {machine} by their marks and takes over its record",
    "take over unanswered": "{0} takes over the record of {machine} and gets no answer",
    "write other": "{0} writes the record of {machine} for a reading from the overflow",
    "send probe": "{0} sends a probe",
    "confirm probe": "the broker applies and confirms the probe of {0}",
    "note and release": "{0} notes in Redis that everything up to its delivery {1} is settled, and ends",
    "pass on": "the channel of {0} passes on the acknowledgements that it held back",
    "take epoch": "{0} takes the epoch {1}, now that it has a reading",
    "read again": "{0} reads the record again",
    "look": "the channel of {0} answers basic.qos: {0} believes that its deliveries up to {1} are settled",
}

#: Labels whose second number is a machine's.
_OF_MACHINE: Final = (
    "late write",
    "known",
    "write",
    "write unanswered",
    "take over",
    "take over unanswered",
    "write other",
)


def faults_in_words(budget: Any) -> str:
    """Say which faults may happen, given the budget of a model."""
    kinds = [
        f"{count} {kind.replace('_', ' ')}"
        for kind, count in budget._asdict().items()
        if kind != "total" and count
    ]
    return f"faults {budget.total} of: {', '.join(kinds)}" if kinds else "no faults"


def in_words(label: Label, bounds: Bounds) -> str:
    """Say what happened."""
    if label[0] == "held back":
        return f"{in_words(label[1:], bounds)}; its channel holds the acknowledgement back"
    if label[0] == "acknowledged":
        return f"{in_words(label[1:], bounds)}, and acknowledges its batch"
    name, *numbers = label
    integers = [int(each) for each in numbers]
    machine = ""
    readings = list[int]()
    if name == "edit":
        machine = _machine(integers[0])
    elif name in _OF_MACHINE:
        machine = _machine(integers[1])
        readings = integers[2:]
    elif name in ("take", "take unread"):
        readings = integers[1:]
    flag = ""
    rest = [str(each) for each in integers[1:]]
    if name in ("receive", "receive and end"):
        what, count = integers[1:]
        flag = f", returned {count} times" if count > 1 else ", returned once" if count else ""
        if name == "receive":
            flag = f" of {_machine(machine_of(what, bounds))}{flag}"
        else:
            rest[0] = f"reading {what}" if what > 0 else "a probe"
    if name == "publish":
        return f"Reading {integers[0]} of {_machine(machine_of(integers[0], bounds))} is published"
    words = _WORDS[str(name)].format(
        f"session {integers[0] + 1}" if integers else "",
        *rest,
        machine=machine,
        flag=flag,
        readings=("reading " if len(readings) == 1 else "readings ")
        + " and ".join(str(each) for each in readings),
    )
    return words[0].upper() + words[1:]


def _machine(number: int) -> str:
    return f"machine {'AB'[number]}"
