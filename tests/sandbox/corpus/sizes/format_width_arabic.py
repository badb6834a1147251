# expect: limit
def process(data, state):
    return {"r": len(format(1, "\u0669" * 7))}
