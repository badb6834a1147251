# expect: limit
import json
def process(data, state):
    x = json.loads("[" + "0," * 130000 + "0]")
    return {"r": len(x)}
