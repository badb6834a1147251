# expect: limit
# why: each row of zip takes two rows of the zip inside
def process(data, state):
    i = 0
    while i != data.get("n"):
        i += 1
        x = iter(range(20000))
        for k in range(14):
            x = zip(x, x)
        list(x)
    return {"r": 1}
