# expect: limit
def process(data, state):
    e = ValueError(1, 2)
    for i in range(14):
        e = ValueError(e, e)
    return {"r": len(repr(e))}
