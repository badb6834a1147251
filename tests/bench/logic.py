"""The logic that every side of a comparison runs: ours in the sandbox, Celery's as plain Python."""

import inspect
from typing import Any


def process(data: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    state["count"] = state.get("count", 0) + 1
    state["mean"] = state.get("mean", 0.0) * 0.9 + data["temperature"] * 0.1
    return {"count": state["count"], "mean": state["mean"]}


#: Its source, as it is uploaded.
LOGIC = inspect.getsource(process)


def reading(number: int) -> dict[str, Any]:
    """Return a reading for it, as a machine might send it."""
    return {"number": number, "temperature": 20 + number % 50 * 0.7, "signal": 1, "unit": "celsius"}
