# expect: limit
# why: json.dumps of a shared structure
import json
def process(data, state):
    a = [1]
    for i in range(40):
        a = [a, a]
    return {"r": json.dumps(a)}
