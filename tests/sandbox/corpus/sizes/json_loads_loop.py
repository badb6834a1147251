# expect: limit
# why: json.loads of a long text for ever
import json
def process(data, state):
    s = "[" + "1," * 19000 + "1]"
    while True:
        json.loads(s)
