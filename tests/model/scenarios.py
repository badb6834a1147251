"""The searches: rules, the size of the model, the faults that may happen, and the expected result."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from tests.model.model import QueueModel
from tests.model.rules import NEW, OLD, PROBING, Earlier, Fence, Forget, Known, Proof, Rules, sabotaged
from tests.model.search import Scenario
from tests.model.world import Bounds, Budget

#: One fault of any kind, or two.
ANY: Final = Budget(total=1, drops=1, cuts=1, crashes=1, lost_answers=1, edits=1, others=1)
ANY_TWO: Final = Budget(total=2, drops=2, cuts=2, crashes=1, lost_answers=1, edits=1, others=1)
ANY_THREE: Final = ANY_TWO._replace(total=3)
#: With probes: also acknowledgements that a channel holds back.
PROBED: Final = Budget(total=1, drops=1, cuts=1, crashes=1, slow=1)
PROBED_TWICE: Final = PROBED._replace(total=2)
CRASH: Final = Budget(total=1, crashes=1)
CUT: Final = Budget(total=1, cuts=1)
UNANSWERED: Final = Budget(total=3, drops=1, cuts=1, lost_answers=2)

SMALL: Final = Bounds(machines=1, readings=3, sessions=2)


def scenario(rules: Rules, bounds: Bounds, breach: str | None = None, *, thorough: bool = False) -> Scenario:
    """Return these rules in a model of this size, and the breach to find."""
    return Scenario(QueueModel(rules, bounds), breach, thorough)


TWICE: Final = "applied twice"

#: The breaches of the old rules. The faults are limited so that the search finds each of them first.
KNOWN_BREACHES: Final = (
    scenario(OLD, SMALL._replace(budget=CRASH), TWICE),
    scenario(OLD, SMALL._replace(budget=CUT), TWICE),
    scenario(
        sabotaged("the old rules, but with N5 and N6", OLD, forget=Forget.DELIVERIES, ends_on_return=True),
        SMALL._replace(budget=CUT),
        TWICE,
    ),
)

_THREE_SESSIONS: Final = SMALL._replace(sessions=3, budget=ANY_TWO)


def _sabotages() -> Iterator[Scenario]:
    for name, rules in {
        "without N1": replace(NEW, compares=False),
        "without N2": replace(NEW, knows_own=False),
        "without N3": replace(NEW, known=Known.NOTHING),
        "without N4": replace(NEW, fence=Fence.NONE),
        "without N4, but asking the channel": replace(NEW, fence=Fence.NONE, asks=True),
        "N4, but the fence is taken after the first delivery": replace(NEW, fence=Fence.AFTER_DELIVERY),
        "N4, but an epoch is taken after the first delivery": replace(NEW, fence=Fence.EPOCH),
        "N4, but the fence is read before the records": replace(NEW, fence=Fence.BEFORE_READING),
        "N5, but the acknowledgement is believed": replace(NEW, forget=Forget.ACKNOWLEDGEMENT),
        "N5, but the answer to basic.qos is believed": replace(NEW, forget=Forget.ANSWER),
        "N5, but with PREFETCH - 1": replace(NEW, window_error=1),
        "N3, but marks of earlier sessions are forgotten at the first write": replace(
            NEW, earlier=Earlier.DROPPED
        ),
        "N3, but in its own record a session knows readings by tags alone": replace(
            NEW, earlier=Earlier.WINDOW
        ),
        "without N6": replace(NEW, ends_on_return=False),
    }.items():
        yield scenario(replace(rules, name=name), _THREE_SESSIONS, TWICE)
    unanswered = Bounds(machines=1, readings=1, prefetch=1, sessions=3, budget=UNANSWERED)
    for name, fence in {
        "N4, but a name is tried again": Fence.SAME_NAME,
        "N4, but a name is set without comparison, and tried again": Fence.SET_SAME_NAME,
    }.items():
        yield scenario(sabotaged(name, fence=fence), unanswered, TWICE)
    probed = Bounds(machines=1, readings=2, sessions=2, budget=PROBED_TWICE)
    for name, proof in {
        "N7, but one confirm is believed": Proof.FIRST_CONFIRM,
        "N7, but two confirms are believed": Proof.SECOND_CONFIRM,
        "N7, but the delivery of the first probe is believed": Proof.FIRST_DELIVERY,
    }.items():
        yield scenario(sabotaged(name, PROBING, proof=proof), probed, TWICE)
    yield scenario(
        sabotaged("N7, but N5 counts probes as well", PROBING, counts_probes=True),
        SMALL._replace(later=2, budget=CRASH),
        TWICE,
    )


#: The new rules with one rule removed or changed. The search must find a breach.
SABOTAGES: Final = tuple(_sabotages())

#: The new rules as they are.
SOUND: Final = (
    scenario(NEW, SMALL._replace(sessions=3, budget=ANY)),
    scenario(NEW, Bounds(machines=2, readings=4, sessions=3, budget=ANY)),
    scenario(NEW, Bounds(machines=2, readings=3, sessions=2, budget=ANY_TWO)),
    scenario(NEW, Bounds(machines=1, readings=2, sessions=3, budget=ANY_TWO), thorough=True),
    scenario(NEW, Bounds(machines=2, readings=4, sessions=2, budget=ANY_TWO), thorough=True),
    scenario(NEW, SMALL._replace(sessions=3, budget=ANY_TWO), thorough=True),
    scenario(NEW, SMALL._replace(budget=ANY_THREE), thorough=True),
    scenario(PROBING, Bounds(machines=1, readings=2, sessions=2, budget=PROBED)),
    scenario(PROBING, Bounds(machines=1, readings=2, sessions=2, budget=PROBED_TWICE), thorough=True),
    scenario(PROBING, SMALL._replace(later=2, budget=CRASH), thorough=True),
    scenario(PROBING, Bounds(machines=1, readings=1, prefetch=1, sessions=2, budget=PROBED_TWICE)),
)

_UNANSWERED: Final = Bounds(machines=1, readings=1, prefetch=1, sessions=3, budget=UNANSWERED)

#: Weaker or different rules that hold as well.
ALTERNATIVES: Final = (
    scenario(
        sabotaged("N3 without the flag", known=Known.MARK),
        Bounds(machines=1, readings=2, sessions=2, budget=ANY),
    ),
    scenario(
        sabotaged("N4, with the fence read together with the records", fence=Fence.WITH_READING),
        Bounds(machines=1, readings=2, sessions=2, budget=ANY_TWO),
    ),
    scenario(
        sabotaged("N4, with the fence read after the records", fence=Fence.AFTER_READING),
        Bounds(machines=1, readings=2, sessions=2, budget=ANY_TWO),
        thorough=True,
    ),
    scenario(
        sabotaged("N4, with the fence read after the records", fence=Fence.AFTER_READING),
        Bounds(machines=1, readings=2, sessions=3, budget=ANY_TWO),
        thorough=True,
    ),
    scenario(sabotaged("N4, with a name set once, without comparison", fence=Fence.SET), _UNANSWERED),
    scenario(sabotaged("N4, with the same command sent again", fence=Fence.SAME_COMMAND), _UNANSWERED),
    scenario(NEW, _UNANSWERED),
    scenario(
        sabotaged("N7, with a note that is not fenced", PROBING, notes_fenced=False),
        Bounds(machines=1, readings=2, sessions=2, budget=PROBED_TWICE),
        thorough=True,
    ),
)
