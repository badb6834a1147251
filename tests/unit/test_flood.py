"""Which machine floods its partition, judged by the readings that the partition hands out."""

from pipeline.model.reading import Reading
from pipeline.wire import PREFETCH
from pipeline.worker.flood import ALONE_SECONDS, PATIENCE_SECONDS, FloodWatch


def readings(**counts: int) -> list[Reading]:
    return [
        Reading(machine, f"machines.{machine}.data", b"{}", tag, False, None, None)
        for machine, count in counts.items()
        for tag in range(count)
    ]


def test_a_machine_with_most_readings_of_a_partition_that_keeps_lagging_floods_it() -> None:
    watch = FloodWatch()
    window = readings(loud=PREFETCH - 10, quiet=10)

    assert watch.flooding(window, [], 0.0) is None
    assert watch.flooding(window, [], PATIENCE_SECONDS) == "loud"


def test_a_burst_is_not_a_flood() -> None:
    watch = FloodWatch()
    window = readings(loud=PREFETCH - 10, quiet=10)

    watch.flooding(window, [], 0.0)
    watch.flooding(readings(loud=5), [], PATIENCE_SECONDS / 2)

    assert watch.flooding(window, [], PATIENCE_SECONDS) is None


def test_machines_that_share_a_busy_partition_do_not_flood_it() -> None:
    watch = FloodWatch()
    window = readings(one=PREFETCH // 2, two=PREFETCH // 2)

    watch.flooding(window, [], 0.0)

    assert watch.flooding(window, [], 2 * PATIENCE_SECONDS) is None


def test_a_machine_alone_in_its_partition_does_not_flood_it() -> None:
    watch = FloodWatch()
    window = readings(loud=PREFETCH)

    watch.flooding(window, [], 0.0)
    watch.flooding(window, [], PATIENCE_SECONDS)
    alone = watch.flooding(window, [], 2 * PATIENCE_SECONDS)
    watch.flooding(readings(quiet=1), [], 3 * PATIENCE_SECONDS)
    watch.flooding(window, [], 4 * PATIENCE_SECONDS)

    assert alone is None
    assert watch.flooding(window, [], 5 * PATIENCE_SECONDS) == "loud"
    assert watch.flooding(window, [], 5 * PATIENCE_SECONDS + ALONE_SECONDS) is None
