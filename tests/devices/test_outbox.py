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


def test_what_is_handed_in_first_is_sent_first() -> None:
    outbox = filled(2)
    assert outbox.take(1) == Parcel(1, "press", b"1")
    assert outbox.take(2) == Parcel(2, "press", b"2")
    assert outbox.take(3) is None


def test_a_lost_connection_sends_again_what_was_not_confirmed_in_order() -> None:
    outbox = filled(6)
    for tag in range(1, 5):
        outbox.take(tag)
    outbox.confirm(2)
    outbox.resume()
    assert take_all(outbox) == [1, 3, 4, 5, 6]
    assert outbox.counts == Counts(sent=6, confirmed=1, repeated=3)


def test_a_confirmation_of_many_settles_all_up_to_its_tag() -> None:
    outbox = filled(5)
    take_all(outbox)
    assert outbox.confirm(3, multiple=True) == 3
    assert outbox.confirm(2) == 0
    assert outbox.counts.confirmed == 3
    assert outbox.unsettled == 2


def test_what_is_postponed_holds_back_all_that_follows() -> None:
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


def test_a_full_window_takes_nothing_more() -> None:
    outbox = filled(4, window=4)
    assert not outbox.put("press", b"5", timeout=0.01)
    assert outbox.unsettled == 4
    take_all(outbox)
    outbox.confirm(1)
    assert outbox.put("press", b"5", timeout=0.01)


def test_what_is_refused_is_settled_and_not_confirmed() -> None:
    outbox = filled(1)
    outbox.take(1)
    assert not outbox.wait_empty(timeout=0.01)
    outbox.refuse(1)
    assert outbox.wait_empty(timeout=0.01)
    assert outbox.counts == Counts(sent=1, refused=1)


def test_it_is_stalled_only_while_something_waits() -> None:
    assert Outbox(1).stalled == 0
    outbox = filled(1)
    assert outbox.stalled > 0
    outbox.take(1)
    outbox.confirm(1)
    assert outbox.stalled == 0
