# expect: refused-at-upload
# why: a module inside a package
import json.decoder
def process(data, state):
    return {"r": 1}
