# expect: limit
def process(data, state):
    x = [0] * 20000
    return {"r": len(sum([x, x], []))}
