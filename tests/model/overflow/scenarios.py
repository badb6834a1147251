"""The searches: rules, the size of the model, the faults that may happen, and the expected result."""

from collections.abc import Iterator
from typing import Final

from tests.model.overflow.model import OverflowModel
from tests.model.overflow.rules import RULES, Gap, Rules, sabotaged
from tests.model.overflow.world import Bounds, Budget
from tests.model.search import STUCK, Scenario

#: One fault of any kind, except that a reading expires.
ANY: Final = Budget(
    total=1, drops=1, kills=1, crashes=1, losses=1, lost_answers=1, edits=1, refusals=1, releases=1
)
EXPIRY: Final = Budget(total=1, expiries=1)
KILL: Final = Budget(total=1, kills=1)
LOSS: Final = Budget(total=1, losses=1)

SMALL: Final = Bounds(readings=3, room=1, prefetch=1)
TWO_OUT: Final = SMALL._replace(prefetch=2)

OUT_OF_ORDER: Final = "before an earlier one"


def scenario(rules: Rules, bounds: Bounds, breach: str | None = None, *, thorough: bool = False) -> Scenario:
    """Return these rules in a model of this size, and the breach to find."""
    return Scenario(OverflowModel(rules, bounds), breach, thorough)


#: The rules before November 29, 2026: no O4, and an attempt went on after a lost connection.
KNOWN_BREACHES: Final = (
    scenario(
        sabotaged("the overflow without O4", gap=Gap.NEVER, ends_at_gap=False, fails_if_lost=False),
        SMALL,
        OUT_OF_ORDER,
    ),
)


def _sabotages() -> Iterator[Scenario]:
    for name, bounds, breach, changes in (
        ("O1, but acknowledged before the confirm", KILL, OUT_OF_ORDER, {"confirms_first": False}),
        ("O1, but a batch from the overflow drops them", KILL, OUT_OF_ORDER, {"keeps_moves": False}),
        (
            "O1, but a session that did not publish them drops them when it ends properly",
            KILL._replace(total=2, releases=1),
            OUT_OF_ORDER,
            {"keeps_unpublished": False},
        ),
        (
            "O1, but an edit drops them",
            KILL._replace(total=2, edits=1),
            OUT_OF_ORDER,
            {"edits_keep_moves": False},
        ),
        ("without O2", Budget(), OUT_OF_ORDER, {"moves_behind": False}),
        ("O2, but a place is run more than once", KILL, "applied twice", {"compares_places": False}),
        ("O4, but a gap is never seen", Budget(), OUT_OF_ORDER, {"gap": Gap.NEVER}),
        ("O4, but each place must follow the last one", EXPIRY, STUCK, {"gap": Gap.ALWAYS}),
        ("O4, but the session goes on", EXPIRY, OUT_OF_ORDER, {"ends_at_gap": False}),
        ("O5, but the first refused message is left out", Budget(), OUT_OF_ORDER, {"resends_first": False}),
        ("O6, but nothing is handed out", Budget(), STUCK, {"hands_out_overflow": False}),
        ("O6, but own readings are handed out", KILL, OUT_OF_ORDER, {"own_wait": False}),
    ):
        yield scenario(sabotaged(name, **changes), SMALL._replace(budget=bounds), breach)
    for name, budget, changes in (
        ("O3, but the number stays the same", Budget(), {"counts_attempts": False}),
        ("O3, but the numbers are ignored", Budget(), {"ignores_stale": False}),
        ("O5, but a broken order is not noticed", Budget(), {"fails_if_broken": False}),
        ("O5, but an attempt goes on after a lost connection", LOSS, {"fails_if_lost": False}),
    ):
        yield scenario(sabotaged(name, **changes), TWO_OUT._replace(budget=budget), OUT_OF_ORDER)


#: The rules with one rule removed or changed. The search must find a breach.
SABOTAGES: Final = tuple(_sabotages())

#: The rules as they are.
SOUND: Final = (
    scenario(RULES, SMALL._replace(budget=ANY)),
    scenario(RULES, SMALL._replace(budget=EXPIRY)),
    scenario(RULES, TWO_OUT._replace(budget=ANY), thorough=True),
)

#: Weaker or different rules that hold as well.
ALTERNATIVES: Final = (
    scenario(sabotaged("O5, but the first message is not alone", first_alone=False), SMALL),
)
