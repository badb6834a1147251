# expect: limit
# why: join of a generator
def process(data, state):
    s = "x" * 200000
    return {"r": len("".join(s for i in range(1000)))}
