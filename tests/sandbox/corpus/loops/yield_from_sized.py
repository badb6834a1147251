# expect: limit
# why: yield from passes on long lists again and again
def g(xs):
    while True:
        yield from xs
def process(data, state):
    return {"r": any(x > 1 for x in g([0] * 20000))}
