"""The rules of the overflow, as flags: change a rule here first, and see whether the search breaks it."""

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final, NamedTuple

from tests.model.overflow.world import Copy, Record


class Gap(Enum):
    """What happens to a copy from the overflow if earlier readings of its machine have not come (O4)."""

    #: It does not count while these may still be on their way; otherwise they have expired.
    IN_DOUBT = auto()
    #: It counts.
    NEVER = auto()
    #: It does not count: each place must follow the last one.
    ALWAYS = auto()


class Split(NamedTuple):
    """A machine's readings in a batch: `back` from the overflow and `fresh` from the partition's own queue.

    These are not applied yet. `recognised` readings were applied by an earlier session. `early` copies came
    from the overflow before an earlier reading that may be missing.
    """

    back: tuple[Copy, ...]
    fresh: tuple[int, ...]
    recognised: tuple[int, ...]
    early: tuple[Copy, ...]


@dataclass(frozen=True)
class Rules:
    """A version of the rules. The defaults are the rules as they are."""

    name: str = "the rules"
    #: O1: a moved reading is acknowledged when the overflow has confirmed all readings of its batch.
    confirms_first: bool = True
    #: O1: the record keeps moved readings until they have arrived in the overflow.
    keeps_moves: bool = True
    #: O1: also if the session that ended properly has not published them.
    keeps_unpublished: bool = True
    #: O1: also if a user edits or deletes the machine.
    edits_keep_moves: bool = True
    #: O2: a machine's new readings are moved while it has others in the overflow.
    moves_behind: bool = True
    #: O2: a reading from the overflow is applied if its place is not above the last one taken.
    compares_places: bool = True
    #: O3: a session that publishes readings again gives the attempt a higher number.
    counts_attempts: bool = True
    #: O3: copies of older attempts do not count.
    ignores_stale: bool = True
    gap: Gap = Gap.IN_DOUBT
    #: O4: a session whose own attempt leaves a gap ends.
    ends_at_gap: bool = True
    #: O5: refused messages are published again from the first one.
    resends_first: bool = True
    #: O5: the first message of an attempt, and the first one after a refusal, is published alone.
    first_alone: bool = True
    #: O5: an attempt fails if the overflow refuses a message and accepts a later one.
    fails_if_broken: bool = True
    #: O5: an attempt fails if its connection is lost.
    fails_if_lost: bool = True
    #: O6: while moved readings are on their way, readings from the overflow are handed out.
    hands_out_overflow: bool = True
    #: O6: and none of the partition's own queue.
    own_wait: bool = True

    def split(self, record: Record, copies: tuple[Copy, ...], own: tuple[int, ...], *, ahead: bool) -> Split:
        """Divide readings by what the record tells of them."""
        back, early, taken = list[Copy](), list[Copy](), record.taken
        for copy in copies:
            if self.is_dead(record, copy) or (self.compares_places and copy.place <= taken):
                continue
            if self._is_early(record, copy, taken, ahead=ahead):
                early.append(copy)
            else:
                back.append(copy)
                taken = copy.place
        fresh = tuple(each for each in own if each > record.seen)
        known = tuple(each for each in own if record.tag < each <= record.seen)
        return Split(tuple(back), fresh, known, tuple(early))

    def is_dead(self, record: Record, copy: Copy) -> bool:
        """Return whether a copy in the overflow can have no effect any more."""
        return (self.compares_places and copy.place <= record.taken) or (
            self.ignores_stale and copy.attempt < _attempt(record, copy.place)
        )

    def _is_early(self, record: Record, copy: Copy, taken: int, *, ahead: bool) -> bool:
        if self.gap is Gap.IN_DOUBT:
            # A batch that is not ahead, after a reading of the session's own, proves that all have arrived.
            in_doubt = ahead or not record.tag
            return in_doubt and any(taken < each.place < copy.place for each in record.outgoing)
        return self.gap is Gap.ALWAYS and copy.place != taken + 1

    def written(
        self, record: Record, split: Split, own: tuple[int, ...], *, floods: bool, ahead: bool
    ) -> tuple[Record, tuple[int, ...]]:
        """Return the record after these readings, and the readings that are run."""
        taken = max((copy.place for copy in split.back), default=record.taken)
        moves = (self.moves_behind and record.moved > taken) or floods
        move, direct = (split.fresh, ()) if moves else ((), split.fresh)
        run = (*(copy.reading for copy in split.back), *direct)
        if not (run or move or split.recognised):
            return record, ()
        moving = tuple(each for each in record.outgoing if each.place > taken)
        if (record.tag and not ahead) or (not self.keeps_moves and not own):
            moving = ()
        attempts: tuple[tuple[int, int], ...] = record.attempts
        while len(attempts) > 1 and attempts[1][0] <= taken + 1:
            attempts = attempts[1:]
        if moving and own and self.counts_attempts:
            first, last = moving[0].place, attempts[-1][1] if attempts else 0
            attempts = (*(each for each in attempts if each[0] < first), (first, last + 1))
        moving += tuple(Copy(each, place) for place, each in enumerate(move, start=record.moved + 1))
        if attempts and own:
            moving = tuple(each._replace(attempt=attempts[-1][1]) for each in moving)
        after = Record(
            seen=max((record.seen, *split.fresh)),
            applied=max((record.applied, *run)),
            is_own=True,
            tag=max((record.tag, *own)),
            moved=record.moved + len(move),
            taken=taken,
            outgoing=moving,
            attempts=attempts,
        )
        return after, run

    def edited(self, record: Record) -> Record:
        """Return the record after a user has edited or deleted the machine."""
        return record if self.edits_keep_moves else record._replace(outgoing=())

    def left(self, record: Record, *, released: bool) -> Record:
        """Return the record for the sessions after the one that ends now."""
        complete = released and record.is_own and (record.tag > 0 or not self.keeps_unpublished)
        return record._replace(is_own=False, tag=0, outgoing=() if complete else record.outgoing)


def _attempt(record: Record, place: int) -> int:
    """Return the last attempt that published the reading with this place."""
    return next((attempt for first, attempt in reversed(record.attempts) if first <= place), 0)


RULES: Final = Rules()


def sabotaged(name: str, **changes: object) -> Rules:
    """Return the rules with something changed."""
    return replace(RULES, name=name, **changes)  # type: ignore[arg-type]
