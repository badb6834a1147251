# expect: ok
def process(data, state):
    return {"r": dict([{"alpha", "beta"}, {"x", "y"}, {"u", "v"}])}
