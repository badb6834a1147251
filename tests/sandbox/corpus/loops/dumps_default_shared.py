# expect: limit
# why: a shared structure is copied for the default
import json
def process(data, state):
    x = [1]
    for n in range(14):
        x = [x, x, x, x]
    return {"r": json.dumps(x, default=str)}
