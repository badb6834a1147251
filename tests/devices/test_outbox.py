from devices.outbox import Counts, Outbox, Parcel


def filled(count: int, window: int = 100) -> Outbox:
    outbox = Outbox(window)
    for number in range(1, count + 1):
        assert outbox.put("press", str(number).encode())
    return outbox


def take_all(outbox: Outbox, first_tag: int = 1) -> list[int]:
    numbers = list[int]()
    while (parcel := outbox.take(first_tag + len(numbers))) is not None:
        numbers.append(parcel.number)
    return numbers


def test_readings_are_sent_in_the_order_in_which_they_are_added() -> None:
    outbox = filled(2)
    assert outbox.take(1) == Parcel(1, "press", b"1")
    assert outbox.take(2) == Parcel(2, "press", b"2")
    assert outbox.take(3) is None


def test_after_a_lost_connection_unconfirmed_readings_are_sent_again_in_order() -> None:
    outbox = filled(6)
    for tag in range(1, 5):
        outbox.take(tag)
    outbox.confirm(2)
    outbox.resume()
    assert take_all(outbox) == [1, 3, 4, 5, 6]
    assert outbox.counts == Counts(sent=6, confirmed=1, repeated=3)


def test_a_confirm_of_several_messages_settles_all_up_to_its_tag() -> None:
    outbox = filled(5)
    take_all(outbox)
    assert outbox.confirm(3, multiple=True) == 3
    assert outbox.confirm(2) == 0
    assert outbox.counts.confirmed == 3
    assert outbox.unsettled == 2


def test_a_postponed_reading_holds_back_all_later_ones() -> None:
    outbox = filled(4)
    for tag in (1, 2, 3):
        outbox.take(tag)
    outbox.postpone(2)
    assert outbox.take(4) is None
    assert not outbox.holds_back()
    outbox.confirm(3)
    outbox.confirm(1)
    assert outbox.holds_back()
    outbox.resume()
    assert take_all(outbox) == [2, 4]


def test_a_full_window_accepts_no_more_readings() -> None:
    outbox = filled(4, window=4)
    assert not outbox.put("press", b"5", timeout=0.01)
    assert outbox.unsettled == 4
    take_all(outbox)
    outbox.confirm(1)
    assert outbox.put("press", b"5", timeout=0.01)


def test_a_refused_reading_is_settled_and_not_confirmed() -> None:
    outbox = filled(1)
    outbox.take(1)
    assert not outbox.wait_empty(timeout=0.01)
    outbox.refuse(1)
    assert outbox.wait_empty(timeout=0.01)
    assert outbox.counts == Counts(sent=1, refused=1)


def test_it_is_stalled_only_while_readings_wait() -> None:
    assert Outbox(1).stalled == 0
    outbox = filled(1)
    assert outbox.stalled > 0
    outbox.take(1)
    outbox.confirm(1)
    assert outbox.stalled == 0
