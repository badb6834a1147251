"""`python -m tests.prices`: searches for the worst inputs of each step, and prints what they cost.

Ends with status 1 if a step costs more than the aim, or ends or holds its process.
"""

import argparse
import sys
import time

from tests.prices.kept import keep, kept
from tests.prices.measure import AIM_IN_LOOPS
from tests.prices.operations import operations
from tests.prices.search import Found, by_price, campaign


def main() -> None:
    """Search, and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.prices", description="Search for the dearest steps of a logic."
    )
    parser.add_argument(
        "steps", nargs="*", metavar="STEP", help="all without one; for example 'str.find()' or Mod"
    )
    parser.add_argument("--minutes", type=float, default=5.0, metavar="N", help="default: %(default)s")
    parser.add_argument("--keep", action="store_true", help="write the worst inputs to worst.json")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, metavar="S")
    arguments = parser.parse_args()
    chosen = [each for each in operations() if not arguments.steps or each.name in arguments.steps]
    if unknown := set(arguments.steps) - {each.name for each in chosen}:
        parser.error(f"there is no step {', '.join(sorted(unknown))}")
    print(f"seed {arguments.seed}", flush=True)
    start = {name: [each.input] for name, each in kept().items()}
    worst: dict[str, Found] = {}
    failed = False
    for name, each in campaign(chosen, start, arguments.minutes * 60, arguments.seed):
        if not isinstance(each, Found):
            failed = True
            print(f"{name}: {each.how}\n{each.what}\n", flush=True)
        elif name not in worst or each.loops > worst[name].loops:
            worst[name] = each
            if not each.is_fair:
                print(line(name, each), flush=True)
    print(f"\nµs of CPU for a unit of fuel, and the same in plain loops; the aim is {AIM_IN_LOOPS:.0f}\n")
    for name, each in sorted(worst.items(), key=lambda pair: by_price(pair[1])):
        print(line(name, each))
    if arguments.keep:
        keep(worst)
    print(f"\n{len(worst)} of {len(chosen)} steps measured")
    sys.exit(failed or not all(each.is_fair for each in worst.values()))


def line(name: str, found: Found) -> str:
    """Return a line of the table."""
    ends = "" if found.price.ends == "ok" else f" [{found.price.ends.partition(':')[0]}]"
    return f"{found.price.us_per_tick:9.2f} {found.loops:7.1f}  {name}: {found.input}{ends}"


main()
