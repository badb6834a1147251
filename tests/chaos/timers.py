"""Timers in the logic of the campaigns: each is counted when it is set, and again when it runs.

Every fifth reading sets one of three timers, a second ahead. `armed` has the timers that are set, so a timer
that runs without being there runs twice, and one that is still there at the end is lost. `at` is the time of
what happened last: readings and timers must come in the order of their times.
"""

from typing import Final

from msgspec import Struct

#: Seconds in which all timers must have run when no reading comes any more.
SECONDS: Final = 60

SOURCE: Final = """
def moment(state, time):
    if time < state.get("at", ""):
        state["unordered"] = state.get("unordered", 0) + 1
    state["at"] = time

def arm(state, n):
    moment(state, meta["received"])
    if n % 5 == 0:
        name = f"t{n // 5 % 3}"
        set_timer(name, seconds=1)
        state["armed"] = state.get("armed", {}) | {name: n}

def on_timer(timer, state):
    moment(state, timer["received"])
    armed = state.get("armed", {})
    if timer["name"] in armed:
        state["armed"] = {name: n for name, n in armed.items() if name != timer["name"]}
        state["runs"] = state.get("runs", 0) + 1
        return {"timer": timer["name"], "run": state["runs"], "n": state["runs"]}
    state["twice"] = state.get("twice", 0) + 1
"""


class TimerState(Struct):
    """What `SOURCE` leaves in a machine's state."""

    armed: dict[str, int] = {}
    runs: int = 0
    twice: int = 0
    unordered: int = 0
