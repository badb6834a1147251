# expect: ok
# why: match of a mapping
def process(data, state):
    match data:
        case {"a": x, **rest}:
            return {"r": 1}
