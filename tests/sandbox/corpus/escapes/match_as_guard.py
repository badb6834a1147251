# expect: refused-at-upload
# why: a pattern with as sets the name of a guard
def process(data, state):
    match data:
        case {} as _match_:
            return {"r": "ESCAPED"}
