# expect: limit
# why: `in` on a range with a variable
def process(data, state):
    v = 1.5
    while v not in range(20000):
        pass
    return {"r": 1}
