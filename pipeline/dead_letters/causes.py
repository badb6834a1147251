"""Dead letters by what they failed for, and on which machines.

No index knows causes, so letters are read for it, without their readings: of very many the newest, and it is
said that there are more.
"""

from typing import Final

from msgspec import Struct, field

from pipeline.model.dead_letter import Letter
from pipeline.store.dead_letters import KeptLetter, LetterFilter, LetterStore

#: Letters that are read at the most: some 0.3 s on one core.
MOST: Final = 10_000

#: Letters that are read in one round trip.
_CHUNK: Final = 2_000


class CauseOnMachine(Struct):
    """How many letters of a cause a machine has, how many of them were sent again and are not processed yet,
    and when the newest failed (RFC 3339, UTC)."""

    letters: int
    sent_again: int
    newest: str


class FoundCause(Struct):
    """A cause: its newest and its oldest letter, and what it has on each machine.

    `sent_before` counts those whose readings had been sent again before they failed.
    """

    newest: Letter
    oldest: Letter
    letters: int = 0
    sent_before: int = 0
    places: dict[str, CauseOnMachine] = field(default_factory=dict)

    def add(self, kept: KeptLetter) -> None:
        """Count a letter, which is older than those before it."""
        letter = kept.letter
        self.oldest = letter
        self.letters += 1
        self.sent_before += letter.sent_before is not None
        place = self.places.setdefault(letter.machine, CauseOnMachine(0, 0, letter.time))
        place.letters += 1
        place.sent_again += kept.sent is not None


class CountedCauses(Struct):
    """Causes by their hash (`Letter.cause`), and whether they are of all letters that are meant."""

    causes: dict[str, FoundCause]
    complete: bool


def count_causes(letters: LetterStore, where: LetterFilter, most: int = MOST) -> CountedCauses:
    """The causes of the letters that are meant, of the newest `most`. Raises `redis.RedisError`."""
    ids = letters.newest(where, most + 1)
    causes = dict[str, FoundCause]()
    for start in range(0, min(len(ids), most), _CHUNK):
        for kept in letters.fetch(ids[start : min(start + _CHUNK, most)]):
            if kept is not None and where.fits(kept.letter):
                letter = kept.letter
                causes.setdefault(letter.cause, FoundCause(letter, letter)).add(kept)
    return CountedCauses(causes, len(ids) <= most)
