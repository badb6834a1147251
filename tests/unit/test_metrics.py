"""The counts and measurements of a worker."""

from time import monotonic

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from pika.compat import long
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from pipeline import wire
from pipeline.broker.overflow import move_message
from pipeline.broker.sent_at import sent_at_of
from pipeline.clock import milliseconds_now
from pipeline.errors import BrokerUnavailable
from pipeline.local.ports import free_port
from pipeline.model.reading import Reading
from pipeline.model.record import Move, Outgoing
from pipeline.model.session import Fence
from pipeline.plant.lag import QueueState
from pipeline.store.workers import WorkerList
from pipeline.telemetry.histogram import BatchHistogram
from pipeline.telemetry.metrics_server import MetricsServer
from pipeline.worker.batch import Batch, Share
from pipeline.worker.metrics import WorkerMetrics
from pipeline.worker.queue_age import LastTakens
from sandbox.job import Failure, Outcome
from tests.support.batch_driver import StubSession
from tests.support.metrics import Series, faults, parse, scrape, series, value
from web.metrics import SystemGauges

BOUNDS = (0.125, 0.5, 1, 30)


def reading(*, sent: int | None = None, arrived: float = 0.0, move: bool = False) -> Reading:
    key = wire.data_key("m")
    return Reading("m", key, b"{}", 1, False, None, None, move=move, sent=sent, arrived=arrived)


def batch(*readings: Reading) -> Batch:
    return Batch([Share(StubSession(Fence(0, b"session1")), list(readings))])


def shown(metrics: WorkerMetrics, name: str, **labels: str) -> float:
    return value(parse(generate_latest(metrics.registry).decode()), name, **labels)


@given(st.lists(st.integers(0, 6400).map(lambda n: n / 64), max_size=50))
def test_a_distribution_equals_the_histogram_of_the_prometheus_library(values: list[float]) -> None:
    disable_created_metrics()
    own, theirs = CollectorRegistry(), CollectorRegistry()
    distribution = BatchHistogram("ages_seconds", "Ages.", BOUNDS)
    own.register(distribution)
    histogram = Histogram("ages_seconds", "Ages.", buckets=BOUNDS, registry=theirs)

    distribution.observe(values[:20])
    distribution.observe(values[20:])
    for each in values:
        histogram.observe(each)

    assert generate_latest(own) == generate_latest(theirs)


def test_readings_are_counted_by_outcome_and_by_limit() -> None:
    metrics = WorkerMetrics()

    metrics.count(
        [
            Outcome("ok", results=[b"{}", b"{}"]),
            Outcome("ok"),
            Outcome("error", failure=Failure("no")),
            Outcome("limit", failure=Failure("no", limit="fuel")),
            Outcome("limit", failure=Failure("no", limit="fuel")),
            Outcome("limit", failure=Failure("lost")),
        ]
    )

    assert shown(metrics, "iot_logic_readings_total", outcome="ok") == 2
    assert shown(metrics, "iot_logic_readings_total", outcome="error") == 1
    assert shown(metrics, "iot_logic_readings_total", outcome="limit") == 3
    assert shown(metrics, "iot_logic_readings_total") == 6
    assert shown(metrics, "iot_logic_limits_exceeded_total", limit="fuel") == 2
    assert shown(metrics, "iot_logic_limits_exceeded_total", limit="none") == 1
    assert shown(metrics, "iot_logic_results_total") == 2


def test_timers_are_counted_apart_from_readings_with_their_lateness() -> None:
    metrics = WorkerMetrics()

    metrics.count_timers(
        [
            (Outcome("ok", results=[b"{}"]), 0.2),
            (Outcome("limit", failure=Failure("no", limit="fuel")), 7_200.0),
        ]
    )

    assert shown(metrics, "iot_logic_timers_total", outcome="ok") == 1
    assert shown(metrics, "iot_logic_timers_total", outcome="limit") == 1
    assert shown(metrics, "iot_logic_readings_total") == 0
    assert shown(metrics, "iot_logic_results_total") == 1
    assert shown(metrics, "iot_logic_limits_exceeded_total", limit="fuel") == 1
    assert shown(metrics, "iot_logic_timer_late_seconds_count") == 2
    assert shown(metrics, "iot_logic_timer_late_seconds_bucket", le="0.25") == 1


def test_each_reading_is_measured_from_its_delivery_and_from_its_time_of_sending_if_known() -> None:
    metrics, now = WorkerMetrics(), milliseconds_now()

    metrics.confirmed(
        batch(reading(arrived=monotonic() - 2, sent=now - 20_000), reading(arrived=monotonic()))
    )

    assert shown(metrics, "iot_logic_delivery_to_confirm_seconds_count") == 2
    assert 2 <= shown(metrics, "iot_logic_delivery_to_confirm_seconds_sum") < 10
    assert shown(metrics, "iot_logic_sent_to_confirm_seconds_count") == 1
    assert 20 <= shown(metrics, "iot_logic_sent_to_confirm_seconds_sum") < 28


def test_a_reading_moved_to_the_overflow_is_not_measured_before_it_runs() -> None:
    metrics = WorkerMetrics()

    metrics.confirmed(batch(reading(sent=milliseconds_now(), move=True), reading(arrived=monotonic())))

    assert shown(metrics, "iot_logic_delivery_to_confirm_seconds_count") == 1
    assert shown(metrics, "iot_logic_sent_to_confirm_seconds_count") == 0


def test_a_wrong_clock_is_counted_and_its_times_are_not_used() -> None:
    metrics, now = WorkerMetrics(), milliseconds_now()

    metrics.confirmed(batch(reading(sent=now + 3_600_000), reading(sent=1), reading(sent=now + 300)))

    assert shown(metrics, "iot_logic_readings_misdated_total") == 2
    assert shown(metrics, "iot_logic_sent_to_confirm_seconds_count") == 1
    assert shown(metrics, "iot_logic_sent_to_confirm_seconds_sum") < 1


@pytest.mark.parametrize("value", [long(1_764_000_000_000), 1_764_000_000_000])
def test_the_time_of_sending_is_read_from_its_header(value: int) -> None:
    assert sent_at_of({"timestamp_in_ms": value}) == 1_764_000_000_000


@pytest.mark.parametrize("value", [0, -1, 2**60, 1.5, "1764000000000", b"1", None, [1], {"a": 1}])
def test_an_invalid_time_of_sending_is_ignored(value: object) -> None:
    assert sent_at_of({"timestamp_in_ms": value}) is None
    assert sent_at_of({}) is None
    assert sent_at_of(None) is None


def test_an_abandoned_batch_is_not_counted() -> None:
    metrics = WorkerMetrics()

    with metrics.batch(batch(reading(), reading())):
        pass
    with pytest.raises(ZeroDivisionError), metrics.batch(batch(reading())):
        raise ZeroDivisionError

    activity = metrics.activity()
    assert (activity.batches, activity.readings, activity.last) == (1, 2, 2)
    assert shown(metrics, "iot_logic_batch_readings_count") == 1


def test_a_second_process_takes_the_next_port() -> None:
    port, registry = free_port(), CollectorRegistry()
    Gauge("iot_logic_answer", "The answer.", registry=registry).set(42)
    first = MetricsServer(registry, "127.0.0.1", port)
    second = MetricsServer(registry, "127.0.0.1", port)
    try:
        assert first.url == f"http://127.0.0.1:{port}/metrics"
        assert second.url not in (None, first.url)
        assert [value(scrape(each.url or ""), "iot_logic_answer") for each in (first, second)] == [42, 42]
    finally:
        first.close()
        second.close()
    with pytest.raises(httpx.ConnectError):
        httpx.get(first.url)


def test_without_a_port_there_is_no_metrics_server() -> None:
    assert MetricsServer(CollectorRegistry(), "127.0.0.1", 0).url is None


def test_a_wildcard_address_is_shown_as_the_host_name() -> None:
    server = MetricsServer(CollectorRegistry(), "0.0.0.0", free_port())  # noqa: S104
    server.close()

    assert server.url is not None
    assert "0.0.0.0" not in server.url  # noqa: S104


def test_the_names_of_a_workers_metrics_follow_the_conventions_of_prometheus() -> None:
    assert faults(parse(generate_latest(WorkerMetrics().registry).decode())) == []


def test_names_that_break_the_conventions_of_prometheus_are_detected() -> None:
    registry = CollectorRegistry()
    Gauge("iot_logic_wait_milliseconds", "Waiting.", registry=registry)
    Gauge("iot_logic_silent", "", registry=registry)
    Gauge("elsewhere", "Not ours.", registry=registry)
    Gauge("iot_logic_things_total", "Things.", registry=registry)
    Counter("iot_logic_places", "Places.", ["instance"], registry=registry).labels("x")

    found = faults(parse(generate_latest(registry).decode()))

    assert len(found) == 5, found


def test_a_label_with_the_machine_is_detected_because_it_grows() -> None:
    registry = CollectorRegistry()
    counter = Counter("iot_logic_readings", "Readings.", ["machine"], registry=registry)

    def kept() -> set[Series]:
        return series(parse(generate_latest(registry).decode()))

    counter.labels("m1").inc()
    before = kept()
    counter.labels("m1").inc()
    assert kept() == before
    counter.labels("m2").inc()
    assert kept() > before


def test_a_reading_keeps_its_time_of_sending_in_the_overflow() -> None:
    moved = move_message("overflow.0", "m", Outgoing("", b"{}", move=Move(1, sent=1_764_000_000_000)))

    assert sent_at_of(moved.properties.headers) == 1_764_000_000_000
    assert (
        sent_at_of(move_message("overflow.0", "m", Outgoing("", b"{}", move=Move(1))).properties.headers)
        is None
    )


def test_the_waiting_time_of_the_last_reading_is_known_for_each_queue() -> None:
    takings, now = LastTakens(), milliseconds_now()
    assert (takings.queue.time, takings.overflow.waited) == (None, None)

    from_overflow = replace(reading(sent=now - 90_000), place=7)
    takings.note([from_overflow, reading(sent=now - 60_000), reading(sent=now - 30_000)])
    takings.note([from_overflow])

    assert takings.queue.waited == pytest.approx(30, abs=5)
    assert takings.overflow.waited == pytest.approx(90, abs=5)
    takings.note([reading()])
    assert takings.queue.waited is None
    assert takings.queue.time


def test_without_the_broker_the_other_metrics_are_still_served() -> None:
    def asked() -> list[QueueState]:
        raise BrokerUnavailable("RabbitMQ is unavailable")

    registry = CollectorRegistry()
    registry.register(SystemGauges(lambda: range(8), lambda: WorkerList([], []), asked))
    metrics = parse(generate_latest(registry).decode())

    assert value(metrics, "iot_logic_broker_up") == 0
    assert value(metrics, "iot_logic_partitions_unserved") == 8
    assert not any(metric.name == "iot_logic_queue_ready" for metric in metrics)
    assert faults(metrics) == []
