# expect: ok
import json
def process(data, state):
    return {"r": json.loads("{" + '"a":1,' * 6000 + '"a":2}')}
