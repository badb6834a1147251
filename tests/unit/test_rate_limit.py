from web.access.rate_limit import RateLimit


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_allowed_and_then_a_fixed_rate_per_second() -> None:
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


def test_a_refused_client_that_keeps_trying_does_not_wait_longer() -> None:
    clock = Clock()
    rates = RateLimit(rate=1, burst=1, clock=clock)
    rates.take("a")
    for _ in range(10):
        assert rates.take("a") > 0
        clock.now += 0.0625
    clock.now += 0.375

    assert rates.take("a") == 0


def test_each_client_has_its_own_bucket_and_the_number_of_buckets_is_limited() -> None:
    rates = RateLimit(rate=0.001, burst=1, clock=Clock())
    first = [rates.take(str(client)) for client in range(20_000)]
    last = rates.take("19999")

    assert set(first) == {0}
    assert last > 0
    assert len(rates) == 10_000
