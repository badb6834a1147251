# expect: ok
import json
def process(data, state):
    return {"r": str(json.loads("[1e999999999, -1E+400, 1e-999999999, 123456789012345678901234567890]"))}
