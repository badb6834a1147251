# expect: limit
# why: a generator that delegates to itself without end
def g():
    yield from g()
def process(data, state):
    return {"r": next(g(), 1)}
