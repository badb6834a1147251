"""Which readings a record knows as applied, and how long it remembers them."""

from msgspec.structs import replace

from pipeline.model.counters import Counters, LastError
from pipeline.model.quarantine import Strikes
from pipeline.model.reading import MARK_BYTES, Reading
from pipeline.model.record import Move, Outgoing, Record
from pipeline.model.session import Settled
from pipeline.wire import PREFETCH


def reading(
    tag: int,
    body: bytes | None = None,
    *,
    redelivered: bool = False,
    message_id: str | None = None,
    place: int | None = None,
    move: bool = False,
    sent: int | None = None,
) -> Reading:
    return Reading(
        machine="m1",
        key="machines.m1.data",
        body=body if body is not None else b"%d" % tag,
        tag=tag,
        redelivered=redelivered,
        message_id=message_id,
        content_type=None,
        delivery=tag if place is None else 0,
        place=place,
        move=move,
        sent=sent,
    )


def advance(
    record: Record,
    session: bytes,
    readings: list[Reading],
    settled: int = 0,
    carry: bool = False,
    moving: bool = False,
) -> Record:
    found = record.split(session, readings, moving=moving)
    run, move = record.run_or_move(found.fresh)
    return record.advance(
        session,
        settled,
        found,
        run,
        move,
        [Outgoing(str(each.tag), b"{}") for each in readings],
        moving=moving,
        state=b'{"n":1}',
        carry=carry,
        strikes=Strikes(),
        counters=Counters(),
    )


def split(record: Record, session: bytes, readings: list[Reading]) -> tuple[list[Reading], list[Reading]]:
    """Return the readings that are already applied, by tag or by mark, and the others."""
    found = record.split(session, readings)
    return found.applied + found.recognised, found.fresh


def test_a_new_machine_has_everything_to_run() -> None:
    readings = [reading(1), reading(2, redelivered=True)]

    applied, fresh = split(Record(), b"s1", readings)

    assert applied == []
    assert fresh == readings


def test_within_a_session_the_tag_shows_which_readings_are_applied() -> None:
    record = advance(Record(), b"s1", [reading(1, b"x"), reading(2, b"x")])

    applied, fresh = split(record, b"s1", [reading(2, b"x"), reading(3, b"x")])

    assert [each.tag for each in applied] == [2]
    assert [each.tag for each in fresh] == [3]


def test_readings_that_an_earlier_session_applied_are_recognised_by_their_marks() -> None:
    record = advance(Record(), b"s1", [reading(1, b"a"), reading(2, b"b")])
    again = [reading(1, b"b", redelivered=True), reading(2, b"c", redelivered=True), reading(3, b"d")]

    applied, fresh = split(record, b"s2", again)

    assert [each.body for each in applied] == [b"b"]
    assert [each.body for each in fresh] == [b"c", b"d"]


def test_a_first_delivery_runs_even_if_an_equal_reading_was_applied() -> None:
    record = advance(Record(), b"s1", [reading(1, b"a")])

    applied, fresh = split(record, b"s2", [reading(1, b"a")])

    assert applied == []
    assert len(fresh) == 1


def test_message_ids_tell_equal_readings_apart() -> None:
    record = advance(Record(), b"s1", [reading(1, b"a", message_id="one")])
    again = [
        reading(1, b"a", redelivered=True, message_id="one"),
        reading(2, b"a", redelivered=True, message_id="two"),
    ]

    applied, fresh = split(record, b"s2", again)

    assert [each.message_id for each in applied] == ["one"]
    assert [each.message_id for each in fresh] == ["two"]


def test_the_time_of_arrival_that_the_broker_adds_tells_equal_readings_apart() -> None:
    record = advance(Record(), b"s1", [reading(1, b"a", sent=1_000)])
    again = [reading(1, b"a", redelivered=True, sent=1_001), reading(2, b"a", redelivered=True, sent=1_000)]

    applied, fresh = split(record, b"s2", again)

    assert [each.sent for each in applied] == [1_000]
    assert [each.sent for each in fresh] == [1_001]


def test_no_body_can_imitate_another_reading_with_a_message_id() -> None:
    assert reading(1, b"c", message_id="a b").mark != reading(1, b"b c", message_id="a").mark


def test_equal_readings_of_one_batch_are_recognised_one_by_one() -> None:
    record = advance(Record(), b"s1", [reading(1, b"a"), reading(2, b"a")])
    again = [reading(tag, b"a", redelivered=True) for tag in (1, 2, 3)]

    applied, fresh = split(record, b"s2", again)

    assert (len(applied), len(fresh)) == (2, 1)


def test_marks_are_kept_until_the_broker_cannot_deliver_their_readings_again() -> None:
    record = advance(Record(), b"s1", [reading(1, b"a")])

    kept = advance(record, b"s1", [reading(9)], settled=0)
    dropped = advance(record, b"s1", [reading(9)], settled=1)

    assert [delivery for delivery, _ in kept.marks] == [1, 9]
    assert [delivery for delivery, _ in dropped.marks] == [9]


def test_marks_of_an_earlier_session_are_kept_until_the_machine_has_a_reading_without_a_mark() -> None:
    record = advance(Record(), b"s1", [reading(1, b"a"), reading(2, b"b")])

    kept = advance(record, b"s2", [reading(1, b"a", redelivered=True)], settled=2 * PREFETCH)
    from_overflow = advance(record, b"s2", [reading(1, place=1)])
    dropped = advance(record, b"s2", [reading(1, b"c")])

    assert kept.earlier == reading(2, b"b").mark
    assert len(from_overflow.earlier) == 2 * MARK_BYTES
    assert dropped.earlier == b""


def test_there_are_never_more_marks_than_the_broker_delivers_unacknowledged() -> None:
    record = Record()
    for tag in range(1, 5 * PREFETCH):
        record = advance(record, b"s1", [reading(tag)], settled=tag - PREFETCH)

    assert sum(len(marks) for _, marks in record.marks) <= PREFETCH * MARK_BYTES


def test_unpublished_messages_of_applied_readings_are_kept_next_to_those_of_new_ones() -> None:
    record = advance(Record(), b"s1", [reading(1)])

    dropped = advance(record, b"s1", [reading(2)])
    carried = advance(record, b"s2", [reading(2)], carry=True)

    assert [each.id for each in dropped.outgoing] == ["2"]
    assert [each.id for each in carried.outgoing] == ["1", "2"]


def test_the_running_number_counts_every_reading_and_is_never_reused() -> None:
    record = advance(Record(), b"s1", [reading(1), reading(2)])
    record = advance(record, b"s2", [reading(1, b"new")])

    assert record.number == 3


def test_a_moved_reading_counts_as_applied_and_gets_no_number() -> None:
    record = advance(Record(), b"s1", [reading(1, move=True), reading(2, move=True)])

    applied, _ = split(record, b"s2", [reading(1, redelivered=True), reading(2, redelivered=True)])

    assert (record.moved, record.taken, record.number) == (2, 0, 0)
    assert len(applied) == 2


def test_readings_that_arrive_while_the_overflow_holds_readings_go_behind_them() -> None:
    record = advance(Record(), b"s1", [reading(1, move=True), reading(2, move=True)])

    run, move = record.run_or_move([reading(3, place=1), reading(4)])

    assert [each.tag for each in run] == [3]
    assert [each.tag for each in move] == [4]


def test_after_the_last_reading_of_the_overflow_new_readings_run_directly() -> None:
    record = advance(Record(), b"s1", [reading(1, move=True)])

    run, move = record.run_or_move([reading(2), reading(3, place=1)])

    assert [each.tag for each in run] == [3, 2]
    assert move == []


def test_each_place_in_the_overflow_is_run_once_however_often_it_was_published() -> None:
    record = advance(Record(), b"s1", [reading(1, move=True), reading(2, move=True)])
    record = advance(record, b"s1", [reading(3, place=1)])
    again = [reading(1, place=1), reading(2, place=2), reading(3, place=2, redelivered=True)]

    applied, fresh = split(record, b"s2", again)

    assert [each.tag for each in applied] == [1, 3]
    assert [each.tag for each in fresh] == [2]
    assert advance(record, b"s2", fresh).taken == 2


def move(place: int) -> Outgoing:
    return Outgoing("", b"%d" % place, move=Move(place))


def on_the_move(record: Record) -> list[int]:
    """Return the places of the readings that are being moved to the overflow."""
    return [each.move.place for each in record.outgoing if each.move is not None]


def test_readings_moved_to_the_overflow_stay_in_the_record_while_readings_from_there_run() -> None:
    """The overflow may be full, and accept more only after some of its readings have run."""
    record = replace(advance(Record(), b"s1", [reading(1, move=True)]), outgoing=(move(1), move(2)), moved=2)

    before = advance(record, b"s1", [reading(2, place=1)], moving=True)
    after = advance(before, b"s1", [reading(3, place=2)], moving=True)

    assert on_the_move(before) == [2]
    assert on_the_move(after) == []


def test_readings_that_have_arrived_in_the_overflow_do_not_stay_in_the_record() -> None:
    record = replace(advance(Record(), b"s1", [reading(1, move=True)]), outgoing=(move(1), move(2)), moved=2)

    assert on_the_move(advance(record, b"s1", [reading(2, place=1)])) == []


def test_a_moved_reading_is_known_to_be_in_the_overflow_when_a_later_one_of_the_session_follows() -> None:
    record = replace(advance(Record(), b"s1", [reading(1, move=True)]), outgoing=(move(1),))

    assert on_the_move(advance(record, b"s1", [reading(2)])) == []


def test_unconfirmed_moves_of_an_earlier_session_are_kept_until_its_successors_next_reading() -> None:
    """The readings of the earlier session may never be delivered again: they may have expired."""
    record = replace(advance(Record(), b"s1", [reading(1, move=True)]), outgoing=(move(1), move(2)), moved=2)

    taken_over = advance(record, b"s2", [reading(1, place=1)], carry=True)
    followed = advance(taken_over, b"s2", [reading(2)])

    assert taken_over.tag == 0
    assert on_the_move(followed) == [2]


def test_a_reading_from_the_overflow_does_not_prove_that_earlier_tags_are_applied() -> None:
    """While readings are moved there, readings from the overflow run before others that arrived earlier."""
    record = advance(Record(), b"s1", [reading(1, move=True)])
    record = advance(record, b"s1", [reading(9, place=1)])

    applied, fresh = split(record, b"s1", [reading(1), reading(2)])

    assert [each.tag for each in applied] == [1]
    assert [each.tag for each in fresh] == [2]


def back(tag: int, place: int, attempt: int) -> Reading:
    return replace(reading(tag, place=place), attempt=attempt)


def published_again() -> Record:
    """Return a record for which a second session publishes places 2 and 3 of 1 to 3 again.

    The first session was killed before it had published them.
    """
    moved = advance(Record(), b"s1", [reading(1, move=True)])
    record = replace(moved, moved=3, outgoing=(move(2), move(3)))
    return advance(record, b"s2", [reading(1, redelivered=True)], carry=True)


def test_copies_from_an_older_attempt_to_move_readings_are_ignored() -> None:
    """Between these copies, readings may be missing that arrive only after them."""
    record = published_again()
    copies = [back(1, 1, 0), back(2, 3, 0), back(3, 2, 1), back(4, 3, 1)]

    found = record.split(b"s2", copies)

    assert [each.move.attempt for each in record.outgoing if each.move is not None] == [1, 1]
    assert [(each.place, each.attempt) for each in found.fresh] == [(1, 0), (2, 1), (3, 1)]
    assert [(each.place, each.attempt) for each in found.stale] == [(3, 0)]


def places(readings: list[Reading]) -> list[int | None]:
    return [each.place for each in readings]


def test_a_copy_does_not_count_while_an_earlier_reading_may_be_on_its_way_to_the_overflow() -> None:
    """A full overflow may refuse a reading and accept a later one."""
    moved = advance(Record(), b"s1", [reading(1, move=True)])
    record = replace(moved, moved=4, taken=1, outgoing=(move(2), move(3), move(4)))

    for session, moving in ((b"s1", True), (b"s2", False)):
        found = record.split(session, [back(2, 2, 0), back(3, 4, 0)], moving=moving)

        assert places(found.fresh) == [2]
        assert places(found.early) == [4]


def test_a_reading_that_expired_in_the_overflow_delays_none_behind_it() -> None:
    moved = advance(Record(), b"s1", [reading(1, move=True)])
    record = replace(moved, moved=3, outgoing=(move(1), move(2), move(3)))
    earlier = replace(moved, moved=3, outgoing=(move(3),))

    assert places(record.split(b"s1", [back(2, 2, 0)]).fresh) == [2]
    assert places(earlier.split(b"s2", [back(2, 2, 0)]).fresh) == [2]


def test_readings_moved_after_a_new_attempt_belong_to_it() -> None:
    record = advance(published_again(), b"s2", [reading(5, move=True)])

    found = record.split(b"s2", [back(6, 4, record.attempts[-1][1])])

    assert record.moved == 4
    assert len(found.fresh) == 1


def test_there_are_never_more_attempts_than_readings_in_the_overflow() -> None:
    record = published_again()
    for session in range(3, 20):
        record = advance(record, b"s%d" % session, [reading(1, redelivered=True)], carry=True)

    taken = advance(record, b"s19", [back(2, place, record.attempts[-1][1]) for place in (1, 2, 3)])

    assert len(record.attempts) == 1
    assert len(taken.attempts) == 1


def test_a_record_older_than_the_overflow_accepts_the_readings_in_it() -> None:
    """The record may come from a backup."""
    assert len(Record(moved=3).split(b"s1", [back(1, 1, 7)]).fresh) == 1


def test_unpublished_messages_of_a_session_are_kept_when_all_its_readings_are_settled() -> None:
    """It was released before it reached the readings that go to the overflow."""
    moved = advance(Record(), b"s1", [reading(1, move=True)])
    record = replace(moved, moved=3, outgoing=(move(2), move(3)))
    record = advance(record, b"s2", [reading(1, place=1)], carry=True)

    assert on_the_move(record.forget(Settled(1, complete=True))) == [2, 3]


def test_when_all_is_settled_there_is_nothing_left_to_publish() -> None:
    record = advance(Record(), b"s1", [reading(1)])

    assert record.forget(Settled(1, complete=True)).outgoing == ()
    assert record.forget(Settled(1)).outgoing == record.outgoing


def test_the_marks_of_settled_readings_are_forgotten() -> None:
    record = advance(Record(), b"s1", [reading(1, b"same")])
    record = advance(record, b"s1", [reading(2, b"same")])

    _, fresh = split(record.forget(Settled(2)), b"s2", [reading(1, b"same", redelivered=True)])
    applied, _ = split(record.forget(Settled(1)), b"s2", [reading(1, b"same", redelivered=True)])

    assert len(fresh) == 1
    assert len(applied) == 1


def test_all_marks_of_a_complete_session_are_forgotten_except_older_ones() -> None:
    record = advance(Record(), b"s1", [reading(1, b"a"), reading(2, b"b")])
    record = advance(record, b"s2", [reading(1, b"a", redelivered=True)]).forget(Settled(1, complete=True))

    applied, fresh = split(record, b"s3", [reading(1, b"b", redelivered=True), reading(2, b"a")])

    assert record.marks == ()
    assert [each.body for each in applied] == [b"b"]
    assert [each.body for each in fresh] == [b"a"]


def test_a_recognised_reading_is_recognised_again_by_the_session_after_the_next() -> None:
    record = advance(Record(), b"s1", [reading(1, b"a"), reading(2, b"b")])
    again = [reading(1, b"a", redelivered=True), reading(2, b"b", redelivered=True)]

    record = advance(record, b"s2", again[:1])
    applied, fresh = split(record, b"s3", again)

    assert (len(applied), fresh) == (2, [])


def test_equal_readings_are_told_apart_across_batches_of_redeliveries() -> None:
    record = advance(Record(), b"s1", [reading(1, b"a"), reading(2, b"b"), reading(3, b"a")])
    again = [
        reading(tag, body, redelivered=True) for tag, body in ((1, b"a"), (2, b"b"), (3, b"a"), (4, b"a"))
    ]

    record = advance(record, b"s2", again[:2])
    applied, fresh = split(record, b"s2", again[2:])

    assert [each.tag for each in applied] == [3]
    assert [each.tag for each in fresh] == [4]


def test_a_deleted_machine_keeps_the_readings_that_have_not_run_and_no_others() -> None:
    record = advance(Record(), b"s1", [reading(1), reading(2, move=True)])
    ran, moved = Outgoing("1", b"{}"), Outgoing("", b"2", move=Move(1))

    left = replace(record, outgoing=(ran, moved)).deleted()

    assert left.outgoing == (moved,)
    assert (left.state, left.counters, left.gone) == (b"{}", Counters(), True)
    assert split(left, b"s2", [reading(1, redelivered=True), reading(2, redelivered=True)])[1] == []


def failed(number: int, timer_run: int | None) -> LastError:
    return LastError(number, "error", 0, "no", timer_run=timer_run)


def test_a_machine_is_failing_until_its_next_reading_or_the_next_timer_after_one_that_failed() -> None:
    def is_failing(error: LastError, number: int, timer_runs: int) -> bool:
        return Record(number=number, timer_runs=timer_runs, counters=Counters(last_error=error)).failed

    assert is_failing(failed(3, None), 3, 0)
    assert is_failing(failed(3, None), 3, 5), "a timer says nothing of the reading"
    assert not is_failing(failed(3, None), 4, 0)
    assert is_failing(failed(3, 2), 3, 2)
    assert not is_failing(failed(3, 2), 3, 3)
    assert not is_failing(failed(3, 2), 4, 2)
