"""Print the results of all searches; with the argument `quick`, only of those that the tests run."""

import sys

from tests.model import scenarios
from tests.model.overflow import scenarios as overflow
from tests.model.search import Scenario, explore


def report(title: str, scenarios: tuple[Scenario, ...], *, quick: bool) -> bool:
    """Run these searches, print the results, and return whether all are as expected."""
    print(f"\n{title}\n{'=' * len(title)}")
    expected = True
    for scenario in scenarios:
        if quick and scenario.thorough:
            continue
        result = explore(scenario.model)
        as_expected = (scenario.breach or "") in (result.breach or "") and (
            (scenario.breach is None) == (result.breach is None)
        )
        expected &= as_expected
        name = scenario.model.name
        print(f"\n{name[0].upper()}{name[1:]}")
        print(f"  {scenario.model.size}")
        print(
            f"  {result.states:,} states, {result.seconds:.1f} s{'' if as_expected else ' NOT AS EXPECTED'}"
        )
        print("  " + str(result).replace("\n", "\n  "), flush=True)
    return expected


def main() -> int:
    """Run all searches."""
    quick = "quick" in sys.argv[1:]
    results = [
        report(f"{title}: {part}", searches, quick=quick)
        for part, rules in (("the partition's own queue", scenarios), ("the overflow", overflow))
        for title, searches in (
            ("Breaches of old rules", rules.KNOWN_BREACHES),
            ("Sabotages of the rules", rules.SABOTAGES),
            ("The rules", rules.SOUND),
            ("Alternatives that hold as well", rules.ALTERNATIVES),
        )
    ]
    return 0 if all(results) else 1


sys.exit(main())
