# expect: limit
# why: dict.setdefault hashes a shared tuple
def process(data, state):
    t = (1,)
    for i in range(40):
        t = (t, t)
    d = {}
    d.setdefault(t, 1)
    return {"r": 1}
