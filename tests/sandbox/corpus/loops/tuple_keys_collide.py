# expect: ok|limit
# why: tuples whose hashes collide are dear
def process(data, state):
    d = {}
    for i in range(5000):
        d[(i, i)] = 1
    return {"r": len(d)}
