# expect: limit
def process(data, state):
    t = (int, int)
    for i in range(40):
        t = (t, t)
    return {"r": isinstance(1, t | t)}
