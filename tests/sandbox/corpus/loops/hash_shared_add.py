# expect: limit
# why: set.add hashes a shared tuple
def process(data, state):
    t = (1,)
    for i in range(40):
        t = (t, t)
    s = set()
    s.add(t)
    return {"r": 1}
