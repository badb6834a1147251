"""Dead letters grouped by cause and machine.

No index has the causes, so the letters are read, without their readings. If there are very many, only the
newest are read, and the result says that it is incomplete.
"""

from typing import Final

from msgspec import Struct, field

from pipeline.model.dead_letter import Letter
from pipeline.store.dead_letters import KeptLetter, LetterFilter, LetterStore

#: Maximum letters that are read: about 0.3 s on one core.
MOST: Final = 10_000

#: Letters that are read in one round trip.
_CHUNK: Final = 2_000


class CauseOnMachine(Struct):
    """The letters of a cause on one machine.

    It has their number, how many of them were sent again and are not processed yet, and when the newest
    failed (RFC 3339, UTC).
    """

    letters: int
    sent_again: int
    newest: str


class FoundCause(Struct):
    """A cause: its newest and its oldest letter, and its letters on each machine.

    `sent_before` counts the letters whose readings had been sent again before they failed.
    """

    newest: Letter
    oldest: Letter
    letters: int = 0
    sent_before: int = 0
    machines: dict[str, CauseOnMachine] = field(default_factory=dict)

    def add(self, kept: KeptLetter) -> None:
        """Count a letter that is older than those before it."""
        letter = kept.letter
        self.oldest = letter
        self.letters += 1
        self.sent_before += letter.sent_before is not None
        machine = self.machines.setdefault(letter.machine, CauseOnMachine(0, 0, letter.time))
        machine.letters += 1
        machine.sent_again += kept.sent is not None


class CountedCauses(Struct):
    """Causes by their hash (`Letter.cause`), and whether they include all selected letters."""

    causes: dict[str, FoundCause]
    complete: bool


def count_causes(letters: LetterStore, where: LetterFilter, most: int = MOST) -> CountedCauses:
    """Return the causes of the newest `most` selected letters. Raises `RedisError`."""
    ids = letters.newest(where, most + 1)
    causes = dict[str, FoundCause]()
    for start in range(0, min(len(ids), most), _CHUNK):
        for kept in letters.fetch(ids[start : min(start + _CHUNK, most)]):
            if kept is not None and where.fits(kept.letter):
                letter = kept.letter
                causes.setdefault(letter.cause, FoundCause(letter, letter)).add(kept)
    return CountedCauses(causes, len(ids) <= most)
