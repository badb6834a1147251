"""The dead letters in Redis, and the rules by which a letter can be sent again and counts once.

A letter gives its reading the right to be applied. The rules:

1.  *A letter is used up in the same write as the record* that its reading changes (`pipeline.store.records`).
    If a reading is sent again and its letter is missing, the reading was applied before, and is skipped. So a
    sender may crash and repeat itself.
2.  *A used letter does not come back.* The broker may redeliver a dead letter long after the first delivery,
    because a collector or a worker was killed before it acknowledged. So the machine remembers for
    `USED_SECONDS` which of its letters are used up or discarded, and those are not kept again.
3.  *The indexes of all machines may contain extra entries, but miss none.* A letter is written before its
    entry and deleted before it. Any reader that finds an entry without a letter drops the entry.
4.  *The claim is signed* with a secret that is kept beside the letters (`pipeline.model.claim`).

The keys: `machine:{<id>}:dead-letters` is a hash. A letter has up to three fields in it: `<name>` (a
`Letter`), `<name>:body` and, if it was sent again, `<name>:sent` (the time). `…:line` sorts the machine's
letters by number, followed by letters without a number (`pipeline.broker.expiry`) in the order they came.
`…:used` sorts the used letters by time. These keys change together and are in one slot of a Redis Cluster.
`dead-letters:all` and `dead-letters:kind:<kind>` sort the letters of all machines by time.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pipeline.model.dead_letter import KINDS, STRAY, Letter, RedriveDecision, number_of
from pipeline.model.reading import Reading
from pipeline.store.client import Client
from pipeline.store.keys import CLAIM_SECRET_KEY, LETTERS_KEY, letter_keys, letters_of_kind_key

#: Seconds for which a machine remembers which of its letters are used up: a week. A redelivered dead letter
#: is at the head of its queue, and a collector takes it as soon as one runs.
USED_SECONDS: Final = 7 * 24 * 3600


#: Letters that are read in one round trip, and so are in memory at once, without their readings.
CHUNK: Final = 500

#: Keeps one letter unless it is used up. KEYS: `letter_keys`. ARGV: name, letter, body, place in line, and
#: 'behind' if that place must also be behind all letters in line. Returns 'used', 'there' or 'new'.
_KEEP = """
if redis.call('ZSCORE', KEYS[3], ARGV[1]) then
    return 'used'
end
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then
    return 'there'
end
redis.call('HSET', KEYS[1], ARGV[1] .. ':body', ARGV[3])
local place = ARGV[4]
if ARGV[5] == 'behind' then
    local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')[2]
    if last and tonumber(last) >= tonumber(place) then
        place = string.format('%.0f', tonumber(last) + 1)
    end
end
redis.call('ZADD', KEYS[2], place, ARGV[1])
return 'new'
"""

#: Uses up letters; a prefix for scripts. Returns the number of letters that existed.
USE_UP: Final = f"""
local function use_up(letters, line, used, first)
    local count, time = 0, redis.call('TIME')[1]
    for place = first, #ARGV do
        local name = ARGV[place]
        if redis.call('HDEL', letters, name) == 1 then
            redis.call('HDEL', letters, name .. ':body', name .. ':sent')
            redis.call('ZREM', line, name)
            redis.call('ZADD', used, time, name)
            count = count + 1
        end
    end
    redis.call('ZREMRANGEBYSCORE', used, '-inf', time - {USED_SECONDS})
    redis.call('EXPIRE', used, {USED_SECONDS})
    return count
end
"""

_DISCARD = USE_UP + "return use_up(KEYS[1], KEYS[2], KEYS[3], 1)"

#: Notes on letters that still exist when they were sent again.
_NOTE = """
for place = 2, #ARGV do
    if redis.call('HEXISTS', KEYS[1], ARGV[place]) == 1 then
        redis.call('HSET', KEYS[1], ARGV[place] .. ':sent', ARGV[1])
    end
end
"""


class LetterFilter(Struct, frozen=True, kw_only=True):
    """Selects the letters that match all given filters. Times are in milliseconds since 1970.

    `cause` is a `Letter.cause`. `below` selects readings of a machine with smaller numbers, and no letters
    without a number.
    """

    machine: str | None = None
    kind: str | None = None
    since: int | None = None
    until: int | None = None
    below: int | None = None
    cause: str | None = None

    def fits(self, letter: Letter) -> bool:
        """Return whether the filter selects this letter. `until` itself is excluded."""
        return (
            self.machine in (None, letter.machine)
            and self.kind in (None, letter.kind)
            and (self.since is None or letter.milliseconds >= self.since)
            and (self.until is None or letter.milliseconds < self.until)
            and (self.below is None or ((number := letter.number) is not None and number < self.below))
            and self.cause in (None, letter.cause)
        )


class KeptLetter(Struct, frozen=True):
    """A letter, when it was last sent again (RFC 3339, UTC), and the cursor of the letters behind it."""

    letter: Letter
    sent: str | None
    cursor: str = ""


class LetterStore:
    """Keeps and finds letters. Safe to share between threads. Every method may raise `RedisError`."""

    def __init__(self, client: Client) -> None:
        self._redis = client
        self._keep = client.register_script(_KEEP)
        self._discard = client.register_script(_DISCARD)
        self._note = client.register_script(_NOTE)
        self._decoder = msgspec.msgpack.Decoder(Letter)

    def count(self) -> int:
        """Return the number of letters. After a crash, it may include deleted letters for some time."""
        return self._redis.zcard(LETTERS_KEY)

    def count_kinds(self) -> dict[str, int]:
        """Return the number of letters of each kind, without kinds that have none."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for kind in KINDS:
                pipeline.zcard(letters_of_kind_key(kind))
            counts = pipeline.execute()
        return {kind: count for kind, count in zip(KINDS, counts, strict=True) if count}

    def keep(self, letters: Sequence[tuple[Letter, bytes]]) -> list[bool]:
        """Keep letters, each with its reading's bytes. A letter that exists or is used up is unchanged.

        Return for each letter whether it is new.
        """
        with self._redis.pipeline(transaction=False) as pipeline:
            for letter, body in letters:
                place, how = letter.number or letter.milliseconds, "" if letter.number else "behind"
                encoded = msgspec.msgpack.encode(letter)
                arguments: list[bytes | str | int] = [letter.name, encoded, body, place, how]
                self._keep(keys=letter_keys(letter.machine), args=arguments, client=pipeline)
            kept = pipeline.execute()
            for (letter, _), answer in zip(letters, kept, strict=True):
                if answer != b"used":
                    entry = {_member(letter.machine, letter.name): letter.milliseconds}
                    pipeline.zadd(LETTERS_KEY, entry)
                    pipeline.zadd(letters_of_kind_key(letter.kind), entry)
            pipeline.execute()
        return [answer == b"new" for answer in kept]

    def get(self, machine_id: str, name: str) -> KeptLetter | None:
        """Return one letter; None if it does not exist (any more)."""
        [kept] = self.fetch([(machine_id, name)])
        return kept

    def fetch(self, ids: Sequence[tuple[str, str]]) -> list[KeptLetter | None]:
        """Return these letters (machine, name) in this order; None for deleted letters."""
        machines = dict[str, list[str]]()
        for machine_id, name in ids:
            machines.setdefault(machine_id, []).extend((name, f"{name}:sent"))
        with self._redis.pipeline(transaction=False) as pipeline:
            for machine_id, fields in machines.items():
                pipeline.hmget(letter_keys(machine_id)[0], fields)
            values = dict(zip(machines, map(iter, pipeline.execute()), strict=True))
        found = list[KeptLetter | None]()
        for machine_id, _ in ids:
            letter, sent = next(values[machine_id]), next(values[machine_id])
            kept = (
                KeptLetter(self._decoder.decode(letter), sent.decode() if sent else None) if letter else None
            )
            found.append(kept)
        return found

    def bodies(self, letters: Sequence[Letter]) -> list[bytes | None]:
        """Return the readings of these letters; None for letters deleted meanwhile."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for letter in letters:
                pipeline.hget(letter_keys(letter.machine)[0], f"{letter.name}:body")
            return pipeline.execute()

    def find(self, where: LetterFilter, after: str = "", chunk: int = CHUNK) -> Iterator[list[KeptLetter]]:
        """Yield the selected letters in lists of at most `chunk`; a list may be empty.

        The letters of one machine are sorted by number, with expired readings last. Other selections are
        sorted by time. Letters that arrive meanwhile are left out. `after` is the `cursor` of a letter.
        Raises `ValueError` if it is invalid.
        """
        if where.machine is not None:
            key, low, high = letter_keys(where.machine)[1], None, None
        else:
            key = letters_of_kind_key(where.kind) if where.kind else LETTERS_KEY
            low, high = where.since, where.until
        for entries in self._scan(key, low, high, _parse_cursor(after), chunk):
            ids = [(where.machine, each) if where.machine else _split(each) for _, each in entries]
            found = self.fetch(ids)
            self.forget([each for each, kept in zip(ids, found, strict=True) if kept is None])
            yield [
                replace(kept, cursor=f"{score}.{member}")
                for (score, member), kept in zip(entries, found, strict=True)
                if kept is not None and where.fits(kept.letter)
            ]

    def newest(self, where: LetterFilter, most: int) -> list[tuple[str, str]]:
        """Return the machine and name of the `most` newest letters, newest first.

        Of `where`, only the machine counts, or else the kind and the times. A machine's letters are sorted by
        number.
        """
        if where.machine is not None:
            names = self._redis.zrange(letter_keys(where.machine)[1], 0, most - 1, desc=True)
            return [(where.machine, name.decode()) for name in cast("list[bytes]", names)]
        key = letters_of_kind_key(where.kind) if where.kind else LETTERS_KEY
        high = "+inf" if where.until is None else f"({where.until}"
        low = "-inf" if where.since is None else where.since
        members = self._redis.zrange(key, high, low, desc=True, byscore=True, offset=0, num=most)
        return [_split(member.decode()) for member in cast("list[bytes]", members)]

    def in_order(self, where: LetterFilter) -> Iterator[list[KeptLetter]]:
        """Yield the selected letters machine by machine, each machine's by number, without strays."""
        for machine_id in [where.machine] if where.machine else self._machines(where):
            if machine_id != STRAY:
                yield from self.find(replace(where, machine=machine_id))

    def missing(self, machine_id: str, first: int, last: int) -> tuple[int, int | None]:
        """Return how many of a machine's readings `first` to `last` have no letter.

        The second value is the number of the first reading without one. A reading has a letter if the letter
        is kept, or was used up within the last `USED_SECONDS`.
        """
        _, line, used = letter_keys(machine_id)
        missing = last - first + 1 - self._redis.zcount(line, first, last)
        if missing <= 0:
            return 0, None
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.zrange(used, 0, -1)
            pipeline.zrange(line, first, last, byscore=True)
            numbers = {number_of(name.decode()) for names in pipeline.execute() for name in names}
        there = {number for number in numbers if number is not None and first <= number <= last}
        return last - first + 1 - len(there), next(
            (number for number in range(first, last + 1) if number not in there), None
        )

    def admit(self, readings: Mapping[str, list[Reading]]) -> dict[str, RedriveDecision]:
        """Return by machine which of its `readings` to run, for machines with a reading that claims a letter.

        A claim without our signature is no claim: it is taken from its reading, which is run like any other.
        """
        claims = dict[str, list[str]]()
        for machine_id, each in readings.items():
            if numbers := [reading.claim.number for reading in each if reading.claim is not None]:
                claims[machine_id] = numbers
        if not claims:
            return {}
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.get(CLAIM_SECRET_KEY)
            for machine_id, numbers in claims.items():
                pipeline.hmget(letter_keys(machine_id)[0], numbers)
            secret, *values = pipeline.execute()
        decisions = dict[str, RedriveDecision]()
        for (machine_id, numbers), letters in zip(claims.items(), values, strict=True):
            there = {number for number, letter in zip(numbers, letters, strict=True) if letter is not None}
            decision = decisions[machine_id] = RedriveDecision()
            for reading in readings[machine_id]:
                claim = reading.claim
                if claim and secret and claim.holds(secret, machine_id, reading.body):
                    if claim.number not in there:
                        decision.skipped.append(reading)
                        continue
                    there.remove(claim.number)
                    decision.uses.append(claim.number)
                else:
                    reading.claim = None
                decision.run.append(reading)
        return decisions

    def secret(self) -> bytes:
        """Return the secret that signs claims. Create it if there is none yet."""
        self._redis.set(CLAIM_SECRET_KEY, os.urandom(32), nx=True)
        return cast(bytes, self._redis.get(CLAIM_SECRET_KEY))

    def note_sent(self, letters: Iterable[Letter], time: str) -> None:
        """Note on these letters, if they still exist, that they were sent again."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for machine_id, names in _by_machine(letters).items():
                self._note(keys=letter_keys(machine_id)[:1], args=[time, *names], client=pipeline)
            pipeline.execute()

    def discard(self, letters: Iterable[Letter]) -> int:
        """Delete these letters. Return the number of letters that existed.

        Their readings that were sent again and are not processed yet will be skipped.
        """
        machines = _by_machine(letters)
        with self._redis.pipeline(transaction=False) as pipeline:
            for machine_id, names in machines.items():
                self._discard(keys=letter_keys(machine_id), args=names, client=pipeline)
            count: int = sum(pipeline.execute())
        self.forget([(machine_id, name) for machine_id, names in machines.items() for name in names])
        return count

    def forget(self, gone: Sequence[tuple[str, str]]) -> None:
        """Drop the index entries of deleted letters (machine, name)."""
        if gone:
            members = [_member(machine_id, name) for machine_id, name in gone]
            with self._redis.pipeline(transaction=False) as pipeline:
                for key in (LETTERS_KEY, *map(letters_of_kind_key, KINDS)):
                    pipeline.zrem(key, *members)
                pipeline.execute()

    def sweep(self) -> None:
        """Check every index entry, and drop those whose letter is deleted."""
        for _ in self.find(LetterFilter()):
            pass

    def _machines(self, where: LetterFilter) -> list[str]:
        key = letters_of_kind_key(where.kind) if where.kind else LETTERS_KEY
        entries = self._scan(key, where.since, where.until, None, CHUNK)
        return sorted({_split(member)[0] for chunk in entries for _, member in chunk})

    def _scan(
        self, key: str, low: int | None, high: int | None, after: tuple[int, str] | None, chunk: int
    ) -> Iterator[list[tuple[int, str]]]:
        """Yield the scores and members of a sorted set, low <= score < high, up to the current last one."""
        if not (last := cast(Any, self._redis.zrange(key, 0, 0, desc=True, withscores=True))):
            return
        end = int(last[0][1]) if high is None else min(high - 1, int(last[0][1]))
        size = chunk
        while True:
            entries = self._entries(key, low, after, size)
            fresh = [entry for entry in entries if entry[0] <= end and (after is None or entry > after)]
            fresh = fresh[:chunk]
            if fresh:
                after, size = fresh[-1], chunk
                yield fresh
            elif len(entries) < size or entries[-1][0] > end:
                return
            else:
                size *= 2  # more members have this score than were read

    def _entries(
        self, key: str, low: int | None, after: tuple[int, str] | None, size: int
    ) -> list[tuple[int, str]]:
        """Return scores and members behind `after`; if that is gone, from the first member with its score."""
        rank = cast("int | None", self._redis.zrank(key, after[1])) if after else None
        if rank is not None:
            answer = self._redis.zrange(key, rank + 1, rank + size, withscores=True)
        else:
            start = max((score for score in (low, after and after[0]) if score is not None), default="-inf")
            answer = self._redis.zrange(key, start, "+inf", byscore=True, offset=0, num=size, withscores=True)
        return [(int(score), member.decode()) for member, score in cast(Any, answer)]


def _by_machine(letters: Iterable[Letter]) -> Mapping[str, list[str]]:
    machines = dict[str, list[str]]()
    for letter in letters:
        machines.setdefault(letter.machine, []).append(letter.name)
    return machines


def _member(machine_id: str, name: str) -> str:
    """Return the member for a letter in an index. At equal times, a machine's letters sort by number."""
    return f"{machine_id}/{name}" if machine_id == STRAY else f"{machine_id}/{name:0>19}"


def _split(member: str) -> tuple[str, str]:
    machine_id, _, name = member.partition("/")
    return (machine_id, name) if machine_id == STRAY else (machine_id, name.lstrip("0"))


def _parse_cursor(cursor: str) -> tuple[int, str] | None:
    if not cursor:
        return None
    score, _, member = cursor.partition(".")
    if not score.isdecimal() or not member or len(cursor) > 255:
        raise ValueError(f"{cursor!r} is not a valid cursor")
    return int(score), member
