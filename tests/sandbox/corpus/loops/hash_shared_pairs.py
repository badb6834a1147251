# expect: limit
# why: dict() of pairs hashes a shared tuple
def process(data, state):
    t = (1,)
    for i in range(40):
        t = (t, t)
    return {"r": len(dict([(t, 1)]))}
