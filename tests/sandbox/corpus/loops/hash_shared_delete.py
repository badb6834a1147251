# expect: limit
# why: del hashes a shared tuple
def process(data, state):
    t = (1,)
    for i in range(40):
        t = (t, t)
    del data[t]
    return {"r": 1}
