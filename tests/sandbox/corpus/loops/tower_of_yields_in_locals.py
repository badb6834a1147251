# expect: limit
# why: each generator holds the next one in a variable
def g():
    h = g()
    yield next(h)
def process(data, state):
    return {"r": next(g())}
