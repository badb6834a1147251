# expect: refused-at-upload
# why: ** in a call
def process(data, state):
    return {"r": dict(**data)}
