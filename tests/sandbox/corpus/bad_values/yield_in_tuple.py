# expect: runtime-error
# why: a generator in a tuple in a result
def g():
    yield 1
def process(data, state):
    return {"r": (1, (g(),))}
