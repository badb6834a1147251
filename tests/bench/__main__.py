"""`make bench`: every figure in one run, on servers of its own, beside what it is measured against.

Prints a report and writes the figures as JSON to the path given (`build/bench.json` without one).
"""

import sys
from pathlib import Path

import msgspec

from pipeline.local.servers import private_servers
from tests.bench import latency, neighbours, sandbox_cost, throughput, uploads
from tests.bench.progress import announce
from tests.installation import Installation


def main() -> None:
    """Measure, print, write."""
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "build/bench.json")
    announce("the sandbox")
    sandbox = sandbox_cost.measure()
    with private_servers() as servers, Installation(servers.amqp_url, servers.redis_url) as plant:
        plant.start_api()
        latencies = latency.measure(plant, [100, 1_000])
        delay = uploads.measure(plant)
        rates = throughput.measure(plant)
        beside = neighbours.measure(plant, rates.worker)
    figures = {
        "throughput": rates,
        "latency": latencies,
        "uploads": delay,
        "neighbours": beside,
        "sandbox": sandbox,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(figures)))
    _print_road(rates, latencies, delay, beside)
    _print_sandbox(sandbox)
    print(f"\nfigures written to {path}")


def _print_road(
    rates: throughput.Throughput,
    latencies: list[latency.Latency],
    delay: uploads.UploadDelay,
    beside: neighbours.Neighbours,
) -> None:
    print("The whole road, readings a second")
    print(f"  one worker process     {rates.worker:9,.0f}/s   {rates.worker_cpu_us:6.1f} µs CPU a reading")
    print(f"  plain pika             {rates.plain_pika:9,.0f}/s   {rates.plain_pika_cpu_us:6.1f} µs CPU")
    print(f"  ratio                  {rates.ratio:9.2f}")
    print(f"  99 machines beside one in quarantine {beside.rate:9,.0f}/s, {beside.share:.0%} of without")
    print(f"  their longest wait until it was there {beside.longest_wait_ms:6.0f} ms")
    print("From publish to result")
    for each in latencies:
        print(f"  at {each.rate:5,}/s    p50 {each.p50_ms:6.1f} ms   p99 {each.p99_ms:6.1f} ms")
    print("From the answer to an upload to the first result of its version")
    print(f"  p50 {delay.p50_ms:6.1f} ms   p99 {delay.p99_ms:6.1f} ms")


def _print_sandbox(sandbox: sandbox_cost.SandboxCost) -> None:
    print("The sandbox, microseconds a reading")
    for cost in sandbox.readings:
        print(f"  {cost.logic}: plain Python {cost.plain_us:.2f}")
        for kind, figures in (("machines", cost.machines), ("readings of one machine", cost.readings)):
            batches = "   ".join(f"{count}: {us:.1f}" for count, us in figures.items())
            print(f"    batches of {kind:24}{batches}")
    print(f"  a new sandbox serves after {sandbox.start_ms:.0f} ms")
    print(f"  another one serves after a kill in {sandbox.replaced_ms:.0f} ms")


if __name__ == "__main__":
    main()
