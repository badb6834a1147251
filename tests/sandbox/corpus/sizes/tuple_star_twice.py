# expect: limit
def process(data, state):
    x = [*range(15000)]
    return {"r": len((*x, *x))}
