# expect: refused-at-upload
# why: a class pattern reads attributes
def process(data, state):
    match data:
        case dict(items=f):
            return {"r": "ESCAPED"}
