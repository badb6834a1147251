# expect: runtime-error|limit
# why: strftime with a long format
from datetime import date
def process(data, state):
    return {"r": date(2026, 1, 1).strftime("%A" * 100000)}
