# expect: limit
# why: a set that grows
def process(data, state):
    s = set()
    i = 0
    while True:
        s.add(i)
        i += 1
    return {"r": 1}
