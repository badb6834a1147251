# expect: limit
# why: isinstance walks through shared tuples of types
def process(data, state):
    t = (int, int)
    for i in range(60):
        t = (t, t)
    return {"r": isinstance("x", t)}
