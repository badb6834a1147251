# expect: limit
# why: dict.fromkeys hashes a shared tuple
def process(data, state):
    t = (1,)
    for i in range(40):
        t = (t, t)
    return {"r": len(dict.fromkeys([t]))}
