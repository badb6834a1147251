# expect: limit
def process(data, state):
    t = (1, 2)
    for i in range(40):
        t = (t, t)
    s = {*[t]}
    return {"r": len(s)}
