# expect: ok
# why: ** in a call
def process(data, state):
    return {"r": dict(**data)}
