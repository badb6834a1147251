# expect: limit
# why: dict.update hashes a shared tuple
def process(data, state):
    t = (1,)
    for i in range(40):
        t = (t, t)
    d = {}
    d.update([(t, 1)])
    return {"r": 1}
