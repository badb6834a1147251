# expect: limit
# why: a dict keeps the places of removed keys, and a loop passes them all
def process(data, state):
    d = {i: 1 for i in range(5000)}
    for i in range(4999):
        del d[i]
    i = 0
    while i != data.get("n"):
        i += 1
        for x in d:
            pass
        for x in d.items():
            pass
        z = (list(d), sorted(d), max(d), next(iter(d)), {**d}, d.copy())
    return {"r": 1}
