# expect: limit
# why: a rank was made of each item of a mixed set
def process(data, state):
    t = (1,) * 1000
    u = ((t,) * 40, 1)
    s = {u, "x"}
    i = 0
    while i != data.get("n"):
        i += 1
        for x in s:
            break
        for x in s:
            break
    return {"r": 1}
