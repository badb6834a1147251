# expect: limit
def process(data, state):
    t = (int, int)
    for i in range(60):
        t = (t, t)
    return {"r": isinstance("x", t)}
