# expect: refused-at-upload
# why: match of an attribute of a value
def process(data, state):
    match data:
        case ValueError.args:
            return {"r": 1}
