# expect: limit
# why: json.dumps of one long text many times
import json
def process(data, state):
    s = "x" * 200000
    return {"r": json.dumps([s] * 1000)}
