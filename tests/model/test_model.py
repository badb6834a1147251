"""The search finds each known breach and each sabotage, and nothing against the rules.

`python -m tests.model` prints the traces and searches larger models.
"""

import pytest

from tests.model.overflow import scenarios as overflow
from tests.model.scenarios import ALTERNATIVES, KNOWN_BREACHES, SABOTAGES, SOUND
from tests.model.search import Result, Scenario, explore


def search(scenario: Scenario) -> Result:
    result = explore(scenario.model)
    print(f"{result.states} states in {result.seconds:.1f} s\n{result}")
    return result


def found(scenario: Scenario) -> Result:
    result = search(scenario)
    assert scenario.breach is not None
    assert scenario.breach in (result.breach or "")
    return result


def test_old_rules_break_when_the_broker_crashes_with_acknowledgements_on_their_way() -> None:
    trace = found(KNOWN_BREACHES[0]).trace

    assert any("answers basic.qos" in step for step in trace)
    assert any("broker crashes" in step for step in trace)


def test_old_rules_break_when_a_session_gets_its_readings_again_under_new_tags() -> None:
    trace = found(KNOWN_BREACHES[1]).trace

    assert any("link between the broker's nodes is back" in step for step in trace)
    assert not any("Session 2" in step for step in trace)


def test_old_rules_break_when_a_session_behind_a_cut_link_goes_on() -> None:
    trace = found(KNOWN_BREACHES[2]).trace

    assert "Session 1 applies reading 1" in trace[-1]
    assert any("Session 2 applies reading 1" in step for step in trace)


def test_the_overflow_without_o4_breaks_when_it_accepts_a_reading_behind_a_refused_one() -> None:
    trace = found(overflow.KNOWN_BREACHES[0]).trace

    assert any("is full and refuses reading 2" in step for step in trace)
    assert any("accepts reading 3" in step for step in trace)


@pytest.mark.parametrize(
    "scenario", [*SABOTAGES, *overflow.SABOTAGES], ids=lambda scenario: scenario.model.name
)
def test_search_finds_a_breach_of_a_sabotaged_rule(scenario: Scenario) -> None:
    found(scenario)


@pytest.mark.parametrize(
    "scenario",
    [each for each in (*SOUND, *ALTERNATIVES, *overflow.SOUND, *overflow.ALTERNATIVES) if not each.thorough],
    ids=lambda scenario: f"{scenario.model.name}: {scenario.model.size}",
)
def test_rules_hold(scenario: Scenario) -> None:
    result = search(scenario)

    assert result.breach is None, str(result)
    assert result.done, "no state has all readings applied and settled"
