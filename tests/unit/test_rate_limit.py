from web.access.rate_limit import RateLimit


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_may_come_at_once_and_then_so_many_a_second() -> None:
    clock = Clock()
    rates = RateLimit(rate=2, burst=3, clock=clock)
    burst = [rates.take("a") for _ in range(3)]
    refused = rates.take("a")
    clock.now += 0.5
    then = [rates.take("a") for _ in range(2)]
    clock.now += 1_000
    again = [rates.take("a") for _ in range(4)]

    assert burst == [0, 0, 0]
    assert [refused] == [0.5]
    assert then == [0, 0.5]
    assert again == [0, 0, 0, 0.5]


def test_who_is_refused_and_comes_again_and_again_waits_no_longer() -> None:
    clock = Clock()
    rates = RateLimit(rate=1, burst=1, clock=clock)
    rates.take("a")
    for _ in range(10):
        assert rates.take("a") > 0
        clock.now += 0.0625
    clock.now += 0.375

    assert rates.take("a") == 0


def test_each_client_has_a_bucket_of_its_own_and_only_so_many_are_kept() -> None:
    rates = RateLimit(rate=0.001, burst=1, clock=Clock())
    first = [rates.take(str(client)) for client in range(20_000)]
    last = rates.take("19999")

    assert set(first) == {0}
    assert last > 0
    assert len(rates) == 10_000
