# expect: runtime-error
# why: a moment
from datetime import date
def process(data, state):
    return {"r": date(2026, 1, 1)}
