# expect: runtime-error|limit
# why: a timedelta out of range
from datetime import timedelta
def process(data, state):
    return {"r": str(timedelta(days=1) * 10 ** 300)}
