# expect: limit
# why: a generator that resumes itself without a loop of its own
def g(n):
    yield n
    yield from g(n + 1)
def process(data, state):
    return {"r": max(g(0))}
