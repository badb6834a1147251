"""Alarms in the logic of the campaigns: each change is counted in the state, and again in the journal.

Every tenth reading raises an alarm or clears it, in turn. `changes` counts them, and each alarm that is
raised has the count as a detail. So the journal must have exactly these changes, raised and cleared in turn,
each with the number that follows the one before.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from tests.support.installation import Installation

SOURCE: Final = """
def alarm(state, n):
    if n % 10 == 0:
        state["changes"] = state.get("changes", 0) + 1
        if state["changes"] % 2:
            raise_alarm("chaos", severity="minor", change=state["changes"])
        else:
            clear_alarm("chaos")
"""


class Details(Struct):
    """The details of the alarm: which change raised it."""

    change: int


class Change(Struct):
    """A change in the journal."""

    number: int
    action: str
    details: Details


class _Page(Struct):
    changes: list[Change]
    next: str | None


def journal_of(plant: Installation, machine_id: str) -> list[Change]:
    """Return all changes of a machine's alarms, the oldest first, over REST."""
    found, before = list[Change](), ""
    while True:
        query = {"machine": machine_id, "limit": "1000", "before": before}
        response = plant.client.get("/alarms/journal", params=query)
        assert response.status_code == 200, response.text
        page = msgspec.json.decode(response.content, type=_Page)
        found += page.changes
        if page.next is None:
            return found[::-1]
        before = page.next


def wrong_changes(changes: Sequence[Change], count: int) -> list[str]:
    """Return what is wrong with the changes in a journal, if the state has counted `count` of them."""
    wrong = list[str]()
    if len(changes) != count:
        wrong.append(f"the journal has {len(changes)} changes, and the state {count}")
    for number, change in enumerate(changes, start=1):
        action = "raised" if number % 2 else "cleared"
        if change != Change(number, action, Details(number - (action == "cleared"))):
            wrong.append(f"change {number} of the journal is {change}")
            break  # the others are wrong for the same reason
    return wrong
