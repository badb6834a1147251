# expect: limit
# why: sorting compares shared keys
def process(data, state):
    a = (1,)
    b = (1,)
    for i in range(40):
        a = (a, a)
        b = (b, b)
    return {"r": sorted([1, 2], key=lambda v: a if v == 1 else b)}
