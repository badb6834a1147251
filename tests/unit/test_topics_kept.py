"""The topic of a reading by a source survives the overflow, a dead letter, and being sent again."""

from pipeline import wire
from pipeline.broker.dead_letter import dead_letter_message, letter_of
from pipeline.broker.overflow import move_message, restored
from pipeline.model.dead_letter import cause_of
from pipeline.model.reading import Reading
from pipeline.model.record import Move, Outgoing
from sandbox.job import Failure, Outcome

KEY = "tele.press-7.SENSOR"


def reading(key: str) -> Reading:
    return Reading("press-7", key, b"1", 1, False, None, None, 1)


def test_only_a_key_that_is_not_the_machines_is_kept() -> None:
    assert reading(KEY).own_key == KEY
    assert reading(wire.data_key("press-7")).own_key is None


def test_the_overflow_gives_a_reading_back_with_its_key() -> None:
    for key in (KEY, wire.data_key("press-7")):
        before = reading(key)
        move = Move(1, key=before.own_key)
        message = move_message("overflow.1000", "press-7", Outgoing("", b"1", move=move))
        after = Reading(None, "overflow.1000", b"1", 1, False, None, None)

        assert restored(after, message.properties.headers).key == key


def test_a_dead_letter_names_the_topic() -> None:
    cause = cause_of(reading(KEY), Outcome("error", failure=Failure("no")), "2026-11-30T06:00:00.000Z", 4)
    message = dead_letter_message("machines.press-7.dead-letter", "press-7", Outgoing("4", b"1", cause))

    assert letter_of(message.key, message.properties, message.body).topic == "tele/press-7/SENSOR"
