"""`make chaos`: a campaign of any length. Exit status 1 where a promise was broken."""

import argparse
import signal
import sys
from pathlib import Path
from random import SystemRandom

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.chaos.campaign import Campaign
from tests.chaos.plan import plan
from tests.chaos.summary import show

#: Seconds that a fault takes on the average, from which the rate of the readings follows.
_FAULT_SECONDS = 4


def main() -> int:
    """Run the campaign that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=100, help="how many faults")
    parser.add_argument("--readings", type=int, default=200_000, help="how many readings at the least")
    parser.add_argument("--machines", type=int, default=40, help="how many machines send them")
    parser.add_argument("--seed", type=int, help="what the faults are drawn from (default: a new one)")
    arguments = parser.parse_args()
    # So that what it has started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("asked to end"))
    seed = SystemRandom().randrange(1_000_000) if arguments.seed is None else arguments.seed
    folder = Path("build/chaos") / str(seed)
    rate = min(2_000, max(100, arguments.readings / (_FAULT_SECONDS * max(arguments.faults, 1))))
    campaign = Campaign(
        plan(seed, arguments.faults),
        readings=arguments.readings,
        seed=seed,
        machines=arguments.machines,
        rate=rate,
        folder=folder,
    )
    columns = (TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        progress.console.print(f"{arguments.faults} faults with seed {seed}")
        report = campaign.run(progress)
    show(report, Console())
    if report.verdict.breaches:
        print(f"journal and logs are in {folder}")
    return 1 if report.verdict.breaches else 0


if __name__ == "__main__":
    sys.exit(main())
