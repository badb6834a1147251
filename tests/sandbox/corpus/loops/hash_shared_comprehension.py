# expect: limit
# why: a dict comprehension hashes a shared tuple
def process(data, state):
    t = (1,)
    for i in range(40):
        t = (t, t)
    return {"r": len({k: 1 for k in [t]})}
