# expect: limit
# why: a for target as a key
def process(data, state):
    t = (1,)
    for i in range(40):
        t = (t, t)
    for state[t] in [1]:
        pass
    return {"r": 1}
