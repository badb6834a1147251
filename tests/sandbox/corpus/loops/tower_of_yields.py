# expect: limit
# why: a chain of started generators, which C code frees by recursion
def g(h):
    yield h
def process(data, state):
    h = None
    while True:
        h = g(h)
        next(h)
