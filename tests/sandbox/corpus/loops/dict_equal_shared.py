# expect: limit
# why: == of dicts compares shared structures
def process(data, state):
    a = {"k": 1}
    b = {"k": 1}
    for i in range(40):
        a = {"k": a, "l": a}
        b = {"k": b, "l": b}
    return {"r": a == b}
