# expect: runtime-error|limit
# why: strftime of the C library pads to any width
from datetime import date
def process(data, state):
    return {"r": date(2026, 1, 1).strftime("%1000000000Y")}
