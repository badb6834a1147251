# expect: limit
# why: a comparison of two views hashes the keys of the left one
def process(data, state):
    t = (1,) * 1000
    u = (t,) * 80
    a = {u: 1}
    b = {1: 1, 2: 2}
    i = 0
    while i != data.get("n"):
        i += 1
        z = (a.keys() < b.keys(), a.keys() < b.keys(), a.keys() < b.keys(), a.keys() < b.keys())
    return {"r": 1}
