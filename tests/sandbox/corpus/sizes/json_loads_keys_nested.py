# expect: limit
import json
def process(data, state):
    keys = ",".join([f'"{i}":1' for i in range(5001)])
    return {"r": len(json.loads("[[{" + keys + "}]]"))}
