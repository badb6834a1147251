# expect: limit
# why: a list of an endless generator
def g():
    while True:
        yield 1
def process(data, state):
    return {"r": len(list(g()))}
