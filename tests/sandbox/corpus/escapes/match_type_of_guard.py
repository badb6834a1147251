# expect: refused-at-upload
# why: a class pattern with something that is not a type
def process(data, state):
    match data:
        case process():
            return {"r": "ESCAPED"}
