# expect: ok
def process(data, state):
    s = {(i for i in [k]) for k in range(6)}
    return {"r": [next(g) for g in s]}
