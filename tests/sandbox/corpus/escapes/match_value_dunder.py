# expect: refused-at-upload
# why: a value pattern with an attribute
def process(data, state):
    match data:
        case data.__class__:
            return {"r": "ESCAPED"}
