# expect: limit
# why: a union of dicts
def process(data, state):
    a = {i: 1 for i in range(4000)}
    b = {-i: 1 for i in range(1, 4000)}
    return {"r": len(a | b)}
