# expect: limit
# why: `in` on a dict hashes a shared tuple
def process(data, state):
    t = (1,)
    for i in range(40):
        t = (t, t)
    return {"r": t in data}
