# expect: ok
# why: match of a sequence
def process(data, state):
    match data:
        case [x, *rest]:
            return {"r": 1}
