"""Dead letters in Redis: they are found by filters, a page at a time, with indexes that repair themselves."""

from collections.abc import Iterator

import pytest
import redis

from pipeline.model.dead_letter import STRAY, Letter
from pipeline.store.dead_letters import LetterFilter, LetterStore
from pipeline.store.keys import LETTERS_KEY, letter_keys

TIMES = ("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.000Z")
FIRST, SECOND = 1_767_225_600_000, 1_767_225_601_000


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url, protocol=3) as client:
        yield client


@pytest.fixture
def letters(client: "redis.Redis") -> LetterStore:
    """Store twelve dead letters of `a` at one time, and two of `b` and a stray a second later."""
    letters = LetterStore(client)
    kept = [letter("a", str(number), TIMES[0], "error") for number in range(1, 13)]
    kept += [letter("b", "1", TIMES[1], "error"), letter("b", "2", TIMES[1], "limit")]
    kept.append(letter(STRAY, "0" * 32, TIMES[1], "machine-id"))
    letters.keep([(each, each.id.encode()) for each in kept])
    return letters


def letter(machine: str, name: str, time: str, kind: str) -> Letter:
    return Letter(machine=machine, name=name, key="key", size=1, kind=kind, time=time)


def ids(letters: LetterStore, where: LetterFilter, chunk: int = 500) -> list[str]:
    return [kept.letter.id for each in letters.find(where, chunk=chunk) for kept in each]


A = [f"a/{number}" for number in range(1, 13)]


@pytest.mark.parametrize("chunk", [1, 2, 5, 500])
@pytest.mark.parametrize(
    ("where", "found"),
    [
        (LetterFilter(), [*A, "b/1", "b/2", f"{STRAY}/{'0' * 32}"]),
        (LetterFilter(machine="a"), A),
        (LetterFilter(machine="b"), ["b/1", "b/2"]),
        (LetterFilter(machine=STRAY), [f"{STRAY}/{'0' * 32}"]),
        (LetterFilter(machine="nobody"), []),
        (LetterFilter(kind="error"), [*A, "b/1"]),
        (LetterFilter(kind="error", machine="b"), ["b/1"]),
        (LetterFilter(since=SECOND), ["b/1", "b/2", f"{STRAY}/{'0' * 32}"]),
        (LetterFilter(until=SECOND), A),
        (LetterFilter(since=FIRST, until=SECOND, kind="limit"), []),
        (LetterFilter(since=SECOND, machine="a"), []),
        (LetterFilter(since=SECOND, machine="b", kind="limit"), ["b/2"]),
    ],
)
def test_letters_are_found_by_machine_kind_and_time(
    letters: LetterStore, where: LetterFilter, found: list[str], chunk: int
) -> None:
    assert ids(letters, where, chunk) == found


@pytest.mark.parametrize("where", [LetterFilter(), LetterFilter(machine="a")])
def test_a_page_starts_after_the_previous_one_even_if_letters_are_deleted_meanwhile(
    letters: LetterStore, where: LetterFilter
) -> None:
    first = next(letters.find(where, chunk=4))
    letters.discard([kept.letter for kept in first])
    second = next(letters.find(where, after=first[-1].cursor, chunk=4))

    assert [kept.letter.id for kept in first + second] == A[:8]


@pytest.mark.parametrize("cursor", ["x", "1", "1.", ".a/1", "1." + "x" * 300])
def test_an_invalid_cursor_is_refused(letters: LetterStore, cursor: str) -> None:
    with pytest.raises(ValueError, match="not a valid cursor"):
        next(letters.find(LetterFilter(), after=cursor))


def test_letters_stored_while_the_others_are_read_are_left_out(letters: LetterStore) -> None:
    found = letters.find(LetterFilter(machine="b"), chunk=1)
    first = next(found)
    letters.keep([(letter("b", "3", TIMES[1], "error"), b"")])

    rest = [kept.letter.id for each in found for kept in each]

    assert [first[0].letter.id, *rest] == ["b/1", "b/2"]


def test_a_letter_that_arrives_twice_is_stored_once(letters: LetterStore) -> None:
    letters.keep([(letter("a", "1", TIMES[1], "limit"), b"another")])

    assert letters.bodies([letter("a", "1", "", "")]) == [b"a/1"]
    assert letters.count() == 15


def test_an_index_entry_without_a_letter_is_dropped_when_it_is_read(
    letters: LetterStore, client: "redis.Redis"
) -> None:
    client.hdel(letter_keys("a")[0], "3")

    assert ids(letters, LetterFilter(kind="error")) == [*A[:2], *A[3:], "b/1"]

    assert letters.count() == 14
    assert client.zscore(LETTERS_KEY, "a/" + "3".zfill(19)) is None


def test_sweeping_keeps_existing_letters_and_counts_nothing_else(
    letters: LetterStore, client: "redis.Redis"
) -> None:
    client.delete(letter_keys("a")[0])

    letters.sweep()

    assert letters.count() == 3
    assert letters.count_kinds() == {"error": 1, "limit": 1, "machine-id": 1}


def test_a_discarded_letter_does_not_come_back(letters: LetterStore) -> None:
    one = letter("a", "1", TIMES[0], "error")
    assert letters.discard([one]) == 1
    assert letters.discard([one]) == 0

    letters.keep([(one, b"")])

    assert letters.get("a", "1") is None
    assert letters.count() == 14


def test_the_secret_stays_the_same_for_all(letters: LetterStore, client: "redis.Redis") -> None:
    assert letters.secret() == LetterStore(client).secret()
    assert len(letters.secret()) == 32
