# expect: refused-at-upload
# why: a module inside a module
import json
def process(data, state):
    return {"r": str(json.decoder)}
