# expect: limit
import json
def process(data, state):
    return {"r": len(json.loads('{"a": [1, {"b": [' + "1," * 20001 + '1]}]}'))}
