# expect: ok
import json
def process(data, state):
    try:
        [].index(json.dumps)
    except ValueError as e:
        return {"r": str(e)}
