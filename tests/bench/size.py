"""The size of a run: all measurements, or small ones that only test the bench itself."""

from msgspec import Struct


class Size(Struct, frozen=True, kw_only=True):
    """The counts of one run. Each side of a comparison is measured `rounds` times, in turn; medians count."""

    rounds: int
    #: Readings in one measurement of a rate, and in one of the (slow) Celery side.
    readings: int
    celery_readings: int
    #: Seconds of a steady rate, for latencies.
    seconds: int
    #: The large number of machines.
    machines: int
    logics: int
    #: Readings over which a worker's memory is watched, and readings between two measurements.
    memory_readings: int
    memory_step: int
    uploads: int
    #: Seconds of CPU for the search for dear steps, which then measures what it has found.
    price_seconds: int
    restarts: int
    #: Minutes over which the memory of the pages is watched.
    page_minutes: float


FULL = Size(
    rounds=3,
    readings=30_000,
    celery_readings=5_000,
    seconds=10,
    machines=100_000,
    logics=1_000,
    memory_readings=1_000_000,
    memory_step=10_000,
    uploads=200,
    price_seconds=30,
    restarts=3,
    page_minutes=10,
)

QUICK = Size(
    rounds=1,
    readings=6_000,
    celery_readings=1_000,
    seconds=2,
    machines=2_000,
    logics=100,
    memory_readings=40_000,
    memory_step=2_000,
    uploads=20,
    price_seconds=3,
    restarts=2,
    page_minutes=1,
)
