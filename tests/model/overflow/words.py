"""Steps in plain words."""

from typing import Final

from tests.model.world import Label

_WORDS: Final = {
    "gap": "the session gets reading {0} from the overflow without an earlier one, and ends",
    "write": "the session writes the records and runs {readings}",
    "write unanswered": "the session writes the records, runs {readings} and gets no answer",
    "move": "the session publishes {readings} to the overflow",
    "acknowledge": "the session acknowledges its batch",
    "release": "the session is released, and notes that everything is settled",
    "settle": "the partition's own queue applies acknowledgements up to reading {0}",
    "settle back": "the overflow applies acknowledgements",
    "drops": "the session loses its channel: the broker returns its readings; its publisher goes on",
    "kills": "the worker is killed: the broker returns its readings",
    "crashes": "the broker crashes and starts again: everything on its way is lost",
    "edit": "a user edits or deletes a machine",
    "arrives": "the overflow accepts reading {0} with place {1}",
    "is refused": "the overflow is full and refuses reading {0} with place {1}",
    "has no leader": "the overflow has no leader and refuses reading {0}",
    "answered": "a publisher has the answers, and goes on with reading {0}",
    "broken": "a publisher has the answers: the order is broken, and its attempt fails",
    "arrived": "a publisher has the answers: all its readings have arrived",
    "lose": "a publisher loses its connection",
    "deliver": "the overflow delivers reading {0} with place {1}",
    "expire": "reading {0} expires in the overflow",
}


def in_words(label: Label) -> str:
    """Say what happened."""
    name, *numbers = label
    if name == "take":
        own, back, floods = numbers
        words = (
            f"the session takes {own} readings from the partition's own queue and {back} from the overflow"
        )
        words += "; machine A floods" if floods else ""
    else:
        readings = ("reading " if len(numbers) == 1 else "readings ") + " and ".join(map(str, numbers))
        words = _WORDS[str(name)].format(*numbers, readings=readings if numbers else "none")
    return words[0].upper() + words[1:]
