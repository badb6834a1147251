# expect: limit
# why: join of long texts
def process(data, state):
    s = "x" * 200000
    return {"r": len("".join([s, s, s]))}
