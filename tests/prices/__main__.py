"""`python -m tests.prices`: searches for the worst inputs of each step, and prints what they cost.

Ends with status 1 if a step costs more than the aim, or ends or holds its process.
"""

import argparse
import sys
import time

from tests.prices.measure import AIM, plain_loop
from tests.prices.operations import operations
from tests.prices.search import Found, Lost, campaign


def main() -> None:
    """Search, and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.prices", description="Search for the dearest steps of a logic."
    )
    parser.add_argument(
        "steps", nargs="*", metavar="STEP", help="all without one; for example 'str.find()' or Mod"
    )
    parser.add_argument("--minutes", type=float, default=5.0, metavar="N", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, metavar="S")
    arguments = parser.parse_args()
    chosen = [each for each in operations() if not arguments.steps or each.name in arguments.steps]
    if unknown := set(arguments.steps) - {each.name for each in chosen}:
        parser.error(f"there is no step {', '.join(sorted(unknown))}")
    print(f"seed {arguments.seed}", flush=True)
    worst: dict[str, Found] = {}
    lost: list[tuple[str, Lost]] = []
    for name, each in campaign(chosen, arguments.minutes * 60, arguments.seed):
        if isinstance(each, Lost):
            lost.append((name, each))
            print(f"{name}: {each.how}: {each.input}", flush=True)
        elif name not in worst or each.price.us_per_tick > worst[name].price.us_per_tick:
            worst[name] = each
            if each.price.us_per_tick > AIM:
                print(line(name, each), flush=True)
    loop = plain_loop()
    print(f"\nµs of CPU for a unit of fuel; a plain loop takes {loop:.3f}\n")
    for name, each in sorted(worst.items(), key=lambda pair: -pair[1].price.us_per_tick):
        print(line(name, each))
    print(f"\n{len(worst)} of {len(chosen)} steps measured")
    sys.exit(bool(lost) or any(each.price.us_per_tick > AIM for each in worst.values()))


def line(name: str, found: Found) -> str:
    """Return a line of the table."""
    ends = "" if found.price.ends == "ok" else f" [{found.price.ends}]"
    return f"{found.price.us_per_tick:9.2f}  {name}: {found.input}{ends}"


main()
