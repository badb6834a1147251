# expect: limit|runtime-error
# why: json.loads of a long number
import json
def process(data, state):
    return {"r": json.loads("9" * 4000) % 7}
