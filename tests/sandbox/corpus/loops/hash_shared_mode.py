# expect: limit
# why: statistics.mode hashes its items
from statistics import mode
def process(data, state):
    t = (1,)
    for i in range(40):
        t = (t, t)
    return {"r": len(mode([t, t]))}
