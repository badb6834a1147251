# expect: limit
# why: !r shows shared structures
def process(data, state):
    a = {"k": 1}
    for i in range(40):
        a = {"k": a, "l": a}
    return {"r": f"{a!r}"}
