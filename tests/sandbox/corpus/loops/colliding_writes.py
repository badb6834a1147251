# expect: limit
# why: the same by item assignment
def process(data, state):
    d = {}
    i = 0
    while True:
        d[i * (2 ** 61 - 1)] = 1
        i += 1
    return {"r": 1}
