# expect: limit
def process(data, state):
    s = {*range(20000)}
    return {"r": len(s)}
