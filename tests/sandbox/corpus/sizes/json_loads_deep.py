# expect: limit|runtime-error
# why: json.loads of deep brackets
import json
def process(data, state):
    return {"r": json.loads("[" * 100000)}
