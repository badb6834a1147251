# expect: limit
# why: one long text many times
def process(data, state):
    s = "x" * 1000
    return {"s": [s] * 2000}
