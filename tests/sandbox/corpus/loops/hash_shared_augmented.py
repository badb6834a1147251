# expect: limit
# why: an augmented assignment hashes a shared tuple
def process(data, state):
    t = (1,)
    for i in range(40):
        t = (t, t)
    data[t] += 1
    return {"r": 1}
