# expect: ok
def process(data, state):
    (a, b, c, d), e = {"alpha", "beta", "gamma", "delta"}, 1
    return {"r": a + b + c + d}
