# expect: ok
# why: * in a call
def process(data, state):
    return {"r": max(*[1, 2])}
