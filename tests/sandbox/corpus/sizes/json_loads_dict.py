# expect: limit
import json
def process(data, state):
    x = json.loads("{" + ",".join([f'"{i}":0' for i in range(20000)]) + "}")
    return {"r": len(x)}
