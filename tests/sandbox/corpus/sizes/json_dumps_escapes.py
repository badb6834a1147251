# expect: limit
# why: json.dumps makes texts six times longer
import json
def process(data, state):
    return {"r": len(json.dumps("\x01" * 200000))}
