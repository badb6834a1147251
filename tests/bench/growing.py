"""The calculation of docs/growing.md: the resources for a rate, from the measurements of one run."""

from collections.abc import Callable
from math import ceil
from typing import Final, Self

from msgspec import Struct

from tests.bench.figure import number
from tests.bench.report import Report

#: Readings per second.
RATES: Final = (10_000, 100_000, 1_000_000)

#: Reserve: only this share of the measured capacity of a core or a partition is planned.
SHARE: Final = 0.7

#: The parts of the bench that the calculation needs.
NEEDED: Final = ("throughput", "partition", "scale")


class Costs(Struct, frozen=True):
    """The costs of a reading and of a machine.

    A reading's CPU time in microseconds and bytes written, the rates of one partition and of one machine, and
    a machine's bytes in Redis.
    """

    worker_us: float
    rabbitmq_us: float
    redis_us: float
    rabbitmq_bytes: float
    redis_bytes: float
    partition: float
    machine: float
    machine_bytes: float

    @classmethod
    def of(cls, report: Report) -> Self:
        """Return the costs from a run. Raises `KeyError` if it lacks a part that is `NEEDED`."""
        throughput, partition, scale = (report.details[name] for name in NEEDED)
        ways = [throughput["rabbitmq_in"], throughput["rabbitmq_out"]]
        return cls(
            worker_us=throughput["worker_cpu_us"],
            rabbitmq_us=sum(way["cpu_us"] for way in ways),
            redis_us=throughput["redis"]["cpu_us"],
            rabbitmq_bytes=sum(way["written"] for way in ways),
            redis_bytes=throughput["redis"]["written"],
            partition=partition["partition"],
            machine=partition["machine"],
            machine_bytes=scale["machine_bytes"],
        )


def measured(report: Report) -> str:
    """Return the measurements behind the table, in Markdown."""
    costs = Costs.of(report)
    rows = {
        "CPU of a worker with its sandboxes": f"{number(costs.worker_us)} µs a reading",
        "CPU of RabbitMQ": f"{number(costs.rabbitmq_us)} µs a reading",
        "CPU of Redis": f"{number(costs.redis_us)} µs a reading",
        "written by RabbitMQ": f"{number(costs.rabbitmq_bytes)} bytes a reading",
        "written by Redis": f"{number(costs.redis_bytes)} bytes a reading",
        "one partition": f"{number(costs.partition)} readings/s",
        "one machine": f"{number(costs.machine)} readings/s",
        "a machine in Redis": f"{number(costs.machine_bytes)} bytes",
    }
    lines = ["| measured | |", "|---|---:|", *(f"| {name} | {value} |" for name, value in rows.items())]
    return "\n".join(lines)


def table(report: Report) -> str:
    """Return the resources for each rate, in Markdown."""
    costs = Costs.of(report)

    def cores(microseconds: float) -> Callable[[int], str]:
        return lambda rate: number(rate * microseconds / 1e6 / SHARE)

    def written(size: float) -> Callable[[int], str]:
        return lambda rate: f"{number(rate * size / 1e6)} MB/s"

    rows: dict[str, Callable[[int], str]] = {
        "cores for workers and their sandboxes": cores(costs.worker_us),
        "cores for RabbitMQ, one copy": cores(costs.rabbitmq_us),
        "cores for Redis, one copy": cores(costs.redis_us),
        "Redis nodes that write, of one core each": lambda rate: str(
            ceil(rate * costs.redis_us / 1e6 / SHARE)
        ),
        "partitions, at least": lambda rate: str(ceil(rate / costs.partition / SHARE)),
        "RabbitMQ to disk, each copy": written(costs.rabbitmq_bytes),
        "Redis to disk, each copy": written(costs.redis_bytes),
        "memory of Redis, each copy, if a machine sends once a second": lambda rate: (
            f"{number(rate * costs.machine_bytes / 1024**3)} GiB"
        ),
    }
    lines = [
        f"| readings/s | {' | '.join(f'{rate:,}' for rate in RATES)} |",
        f"|---|{'---:|' * len(RATES)}",
        *(f"| {name} | {' | '.join(value(rate) for rate in RATES)} |" for name, value in rows.items()),
    ]
    return "\n".join(lines)
