"""Run hours

Counts the hours for which a machine runs, and how often it starts, from readings of a signal that
is on or off.
"""

from datetime import datetime

# After a longer time without a reading, it is not known whether the machine ran. In seconds.
LONGEST_GAP = 900


def seconds_of(text):
    """Return the seconds of a time such as 2026-03-12T10:00:00Z."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"the time {text!r} has no time zone, such as Z or +01:00")
    return time.timestamp()


def process(data, state):
    # A reading is such as {"time": "2026-03-12T10:00:00Z", "on": true}. 1 and 0 are on and off too.
    on, now = data["on"], seconds_of(data["time"])
    if on not in (0, 1):
        raise ValueError(f"the signal is {on!r} instead of on (true, 1) or off (false, 0)")
    passed = now - state.get("time", now)
    if passed < 0:
        raise ValueError(f"the reading of {data['time']} is older than the one before")
    was_on = state.get("on", False)
    if was_on and passed <= config.get("longest_gap", LONGEST_GAP):
        state["seconds"] = state.get("seconds", 0) + passed
    if on and not was_on:
        state["starts"] = state.get("starts", 0) + 1
    state["time"], state["on"] = now, bool(on)
    return {
        "on": state["on"],
        "hours": round(state.get("seconds", 0) / 3600, 2),
        "starts": state.get("starts", 0),
    }
