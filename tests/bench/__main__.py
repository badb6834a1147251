"""`make bench`: every figure in one run, on servers of its own, beside what it is measured against.

Prints a report and writes the figures as JSON to the path given (`build/bench.json` without one).
"""

import sys
from pathlib import Path

import msgspec

from pipeline.local.servers import private_servers
from tests.bench import latency, throughput, uploads
from tests.installation import Installation


def main() -> None:
    """Measure, print, write."""
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "build/bench.json")
    with private_servers() as servers, Installation(servers.amqp_url, servers.redis_url) as plant:
        plant.start_api()
        latencies = latency.measure(plant, [100, 1_000])
        delay = uploads.measure(plant)
        rates = throughput.measure(plant)
    path.parent.mkdir(parents=True, exist_ok=True)
    figures = {"throughput": rates, "latency": latencies, "uploads": delay}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(figures)))
    print(
        f"one worker process    {rates.worker:9,.0f} readings/s   {rates.worker_cpu_us:5.1f} µs CPU a reading"
    )
    print(
        f"plain pika            {rates.plain_pika:9,.0f} readings/s   {rates.plain_pika_cpu_us:5.1f} µs CPU"
    )
    print(f"ratio                 {rates.ratio:9.2f}")
    for each in latencies:
        print(
            f"latency at {each.rate:5,}/s     p50 {each.p50_ms:6.1f} ms   p99 {each.p99_ms:6.1f} ms   "
            f"max {each.max_ms:6.1f} ms"
        )
    print(
        f"upload to first result of the new version   p50 {delay.p50_ms:.1f} ms   p99 {delay.p99_ms:.1f} ms"
    )
    print(f"figures written to {path}")


if __name__ == "__main__":
    main()
