# expect: runtime-error
# why: StopIteration inside a generator
def f(x):
    raise StopIteration
def process(data, state):
    return {"r": list(f(x) for x in [1])}
