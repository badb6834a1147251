"""`make bench`: measures every figure in one run, with its aim and the figure it is compared with.

`python -m tests.bench` measures all parts, `python -m tests.bench throughput latency` only the named ones.
Prints a table and writes the figures as JSON after each part, so that no measurement is lost.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from tests.bench import (
    celery_yardstick,
    copies,
    flood,
    latency,
    machines,
    memory,
    neighbours,
    pages,
    partition,
    prices,
    readers,
    redis_cluster,
    restart,
    sandbox_cost,
    scale,
    throughput,
    timers,
    traces,
    uploads,
)
from tests.bench.figure import Part
from tests.bench.report import Machine, Report
from tests.bench.size import FULL, QUICK, Size

PARTS: dict[str, Callable[[Size], Part]] = {
    "sandbox": sandbox_cost.measure,
    "prices": prices.measure,
    "throughput": throughput.measure,
    "celery": celery_yardstick.measure,
    "latency": latency.measure,
    "uploads": uploads.measure,
    "restart": restart.measure,
    "partition": partition.measure,
    "scale": scale.measure,
    "memory": memory.measure,
    "neighbours": neighbours.measure,
    "flood": flood.measure,
    "readers": readers.measure,
    "machines": machines.measure,
    "pages": pages.measure,
    "timers": timers.measure,
    "traces": traces.measure,
    "copies": copies.measure,
    "cluster": redis_cluster.measure,
}


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Measure; see docs/performance.md."
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"all without one: {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="measure little, to try the bench itself out")
    parser.add_argument(
        "--minutes", type=float, metavar="N", help="watch the pages' memory for so long; else 10, quick 1"
    )
    parser.add_argument(
        "--to", type=Path, default=Path("build/bench.json"), metavar="FILE", help="default: %(default)s"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    size = QUICK if arguments.quick else FULL
    if arguments.minutes is not None:
        size = replace(size, page_minutes=arguments.minutes)
    report = Report(Machine.this(), arguments.quick, {}, {})
    for name in arguments.parts or PARTS:
        report.add(name, PARTS[name](size))
        report.write(arguments.to)
    report.show()
    print(f"figures written to {arguments.to}")


if __name__ == "__main__":
    main()
