# expect: limit
# why: json.dumps of what contains itself
import json
def process(data, state):
    a = []
    a.append(a)
    return {"r": json.dumps(a)}
