# expect: runtime-error|limit
# why: the same in an f-string
from datetime import date
def process(data, state):
    d = date(2026, 1, 1)
    return {"r": f"{d:%1000000000Y}"}
