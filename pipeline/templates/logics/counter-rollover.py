"""Counter with rollover

Adds up a counter that starts again at 0 after its greatest value, such as a 16-bit counter after
65,535, or after a restart of the device.
"""

# The counter has this many bits: after 2 ** BITS - 1 comes 0.
BITS = 16


def process(data, state):
    # A reading is such as {"count": 65530}.
    count = data["count"]
    size = 2 ** config.get("bits", BITS)
    if not isinstance(count, int) or not 0 <= count < size:
        raise ValueError(f"the count {count!r} must be a whole number from 0 to {size - 1}")
    last = state.get("last", count)
    # Modulo the size, the difference is correct over a rollover too: 5 after 65,530 are 11 steps.
    steps = (count - last) % size
    # More than half of the range in one reading is not credible. Then the device has restarted at 0, and has
    # counted to `count` since then. Give a smaller limit if you know how fast the counter can be.
    restarted = steps > config.get("max_steps", size // 2)
    if restarted:
        steps = count
    state["last"] = count
    state["total"] = state.get("total", 0) + steps
    return {"total": state["total"], "steps": steps, "restarted": restarted}
