"""Small logics that several tests run."""

from typing import Final

#: Counts readings.
COUNT: Final = """
def process(data, state):
    state["count"] = state.get("count", 0) + 1
"""

#: Counts readings; each result has the reading's `n` and the count.
COUNT_AND_TELL: Final = """
def process(data, state):
    state["count"] = state.get("count", 0) + 1
    return {"n": data["n"], "count": state["count"]}
"""

#: The same, and counts how often `n` was not the next number; the numbers start at 0.
CHECK_ORDER: Final = """
def process(data, state):
    state["count"] = state.get("count", 0) + 1
    if data["n"] != state.get("last", -1) + 1:
        state["disorder"] = state.get("disorder", 0) + 1
    state["last"] = data["n"]
    return {"n": data["n"], "count": state["count"]}
"""


def slow(logic: str, steps: int) -> str:
    """Return a logic that takes longer per reading: some 8,000 steps take a millisecond."""
    head, body = logic.split(":\n", 1)
    return f"{head}:\n    total = 0\n    for step in range({steps}):\n        total += step\n{body}"
