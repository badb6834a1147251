# expect: ok
# why: yield from
def f():
    yield from [1]
def process(data, state):
    return {"r": 1}
