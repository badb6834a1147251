"""Print the results of all searches; with the argument `quick`, only of those that the tests run."""

import sys

from tests.model.scenarios import ALTERNATIVES, KNOWN_BREACHES, SABOTAGES, SOUND, Scenario
from tests.model.search import explore


def report(title: str, scenarios: tuple[Scenario, ...], *, quick: bool) -> bool:
    """Run these searches, print the results, and return whether all are as expected."""
    print(f"\n{title}\n{'=' * len(title)}")
    expected = True
    for scenario in scenarios:
        if quick and scenario.thorough:
            continue
        result = explore(scenario.rules, scenario.bounds)
        as_expected = (scenario.breach or "") in (result.breach or "") and (
            (scenario.breach is None) == (result.breach is None)
        )
        expected &= as_expected
        print(f"\n{scenario.rules.name[0].upper()}{scenario.rules.name[1:]}")
        print(f"  {scenario.size}")
        print(
            f"  {result.states:,} states, {result.seconds:.1f} s{'' if as_expected else ' NOT AS EXPECTED'}"
        )
        print("  " + str(result).replace("\n", "\n  "), flush=True)
    return expected


def main() -> int:
    """Run all searches."""
    quick = "quick" in sys.argv[1:]
    results = [
        report("Breaches of the old rules", KNOWN_BREACHES, quick=quick),
        report("Sabotages of the new rules", SABOTAGES, quick=quick),
        report("The new rules", SOUND, quick=quick),
        report("Alternatives that hold as well", ALTERNATIVES, quick=quick),
    ]
    return 0 if all(results) else 1


sys.exit(main())
