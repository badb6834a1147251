# expect: limit
# why: an f-string shows shared structures
def process(data, state):
    a = [1]
    for i in range(40):
        a = [a, a]
    return {"r": f"{a}"}
