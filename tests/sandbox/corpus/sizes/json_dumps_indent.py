# expect: limit|runtime-error
# why: json.dumps with a huge indent
import json
def process(data, state):
    return {"r": json.dumps([1], indent=10 ** 9)}
