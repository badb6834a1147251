# expect: limit
# why: a union of types walks through shared tuples
def process(data, state):
    t = (int, int)
    for i in range(60):
        t = (t, t)
    return {"r": len(t | t)}
