# expect: limit|runtime-error
# why: json.loads of deep brackets, closed
import json
def process(data, state):
    x = json.loads("[" * 20000 + "]" * 20000)
    return {"r": str(x)}
