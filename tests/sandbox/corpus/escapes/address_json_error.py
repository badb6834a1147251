# expect: runtime-error
import json
from json import JSONDecodeError
def process(data, state):
    return {"r": str(JSONDecodeError([json.dumps, process, state.get, JSONDecodeError], "", 0))}
