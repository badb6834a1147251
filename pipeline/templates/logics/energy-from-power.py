"""Energy from power

Adds up the energy in kWh from readings of the power in kW, with the time of each reading.
"""

from datetime import datetime

# Over a longer gap, the power is not known, so no energy is added. In seconds.
LONGEST_GAP = 900


def seconds_of(text):
    """Return the seconds of a time such as 2026-03-12T10:00:00Z."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"the time {text!r} has no time zone, such as Z or +01:00")
    return time.timestamp()


def process(data, state):
    # A reading is such as {"time": "2026-03-12T10:00:00Z", "power": 12.5}.
    power, now = float(data["power"]), seconds_of(data["time"])
    passed = now - state.get("time", now)
    if passed < 0:
        raise ValueError(f"the reading of {data['time']} is older than the one before")
    gap = passed > config.get("longest_gap", LONGEST_GAP)
    if not gap:
        # Between two readings, the power is taken as the mean of both.
        mean = (power + state.get("power", power)) / 2
        state["energy"] = state.get("energy", 0) + mean * passed / 3600
    state["time"], state["power"] = now, power
    return {"energy": round(state.get("energy", 0), 3), "power": power, "gap": gap}
