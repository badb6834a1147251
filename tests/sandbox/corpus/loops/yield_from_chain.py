# expect: limit
# why: a long chain of yield from, so that each item passes many levels
def g(n):
    if n:
        yield from g(n - 1)
    else:
        while True:
            yield 1
def process(data, state):
    return {"r": len([x for x in g(80)])}
