"""Causes of dead letters: counted, with their machines; the result says if the count is incomplete."""

from collections.abc import Iterator

import pytest
import redis

from pipeline.dead_letters.causes import count_causes
from pipeline.model.dead_letter import STRAY, Letter
from pipeline.store.dead_letters import LetterFilter, LetterStore


@pytest.fixture
def letters(redis_url: str) -> Iterator[LetterStore]:
    """Store dead letters of `a`, of `b` and of no machine.

    Of `a`, five have messages that differ only in numbers, and two of these were sent again; one has another
    message. Of `b`, one has the same cause as `a`, and had been sent again before. One is a stray.
    """
    with redis.Redis.from_url(redis_url, protocol=3) as client:
        letters = LetterStore(client)
        kept = [letter("a", number, f"ValueError: {number}.5 is above 1e{number}") for number in range(1, 6)]
        kept.append(letter("a", 6, "KeyError: 'x'"))
        kept.append(letter("b", 7, "ValueError: 7 is above 3", "dead-letter/3"))
        kept.append(Letter(machine=STRAY, name="0" * 32, key="x", size=0, kind="machine-id", time=time(8)))
        letters.keep([(each, b"{}") for each in kept])
        letters.note_sent(kept[:2], time(9))
        yield letters


def time(second: int) -> str:
    return f"2026-01-01T00:00:{second:02}.000Z"


def letter(machine: str, number: int, message: str, message_id: str | None = None) -> Letter:
    return Letter(
        machine=machine,
        name=str(number),
        key="key",
        size=2,
        kind="error",
        time=time(number),
        message=message,
        message_id=message_id,
        text="return 1",
        line=3,
    )


def test_letters_whose_messages_differ_only_in_numbers_are_counted_together(
    letters: LetterStore,
) -> None:
    counted = count_causes(letters, LetterFilter())

    assert counted.complete
    assert sorted(each.letters for each in counted.causes.values()) == [1, 1, 6]
    most = max(counted.causes.values(), key=lambda each: each.letters)
    assert (most.newest.id, most.oldest.id) == ("b/7", "a/1")
    assert {machine: found.letters for machine, found in most.machines.items()} == {"a": 5, "b": 1}
    assert most.machines["a"].newest == time(5)
    assert most.machines["a"].sent_again == 2
    assert most.sent_before == 1


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        (LetterFilter(machine="a"), [5, 1]),
        (LetterFilter(machine="b", kind="error"), [1]),
        (LetterFilter(kind="machine-id"), [1]),
        (LetterFilter(since=1_767_225_607_000), [1, 1]),
        (LetterFilter(until=1_767_225_602_000), [1]),
        (LetterFilter(machine="a", until=1_767_225_602_000), [1]),
        (LetterFilter(cause=letter("a", 1, "ValueError: 1 is above 2").cause), [6]),
        (LetterFilter(machine="nobody"), []),
    ],
)
def test_only_letters_that_match_the_filter_are_counted(
    letters: LetterStore, where: LetterFilter, numbers: list[int]
) -> None:
    causes = count_causes(letters, where).causes.values()

    assert sorted((each.letters for each in causes), reverse=True) == numbers


def test_if_there_are_too_many_letters_the_newest_are_counted_and_the_result_says_so(
    letters: LetterStore,
) -> None:
    counted = count_causes(letters, LetterFilter(), most=3)

    assert not counted.complete
    assert sum(each.letters for each in counted.causes.values()) == 3
    assert {each.newest.id for each in counted.causes.values()} == {"a/6", "b/7", f"{STRAY}/{'0' * 32}"}
    assert count_causes(letters, LetterFilter(), most=8).complete


def test_another_line_another_kind_or_another_message_is_another_cause() -> None:
    one = letter("a", 1, "KeyError: 'x'")
    others = [
        letter("a", 1, "KeyError: 'y'"),
        Letter(machine="a", name="1", key="", size=0, kind="limit", time=time(1), message="KeyError: 'x'"),
        Letter(machine="a", name="1", key="", size=0, kind="error", time=time(1), message="KeyError: 'x'"),
    ]

    assert len({each.cause for each in (one, *others)}) == 4
