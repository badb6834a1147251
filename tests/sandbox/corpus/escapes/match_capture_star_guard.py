# expect: refused-at-upload
# why: a pattern with a star sets the name of a guard
def process(data, state):
    match [1, 2]:
        case [*_meter_]:
            return {"r": "ESCAPED"}
