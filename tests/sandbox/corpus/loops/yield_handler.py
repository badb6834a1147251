# expect: limit
# why: a generator that catches everything and yields again
def g():
    while True:
        try:
            while True:
                yield 1 / 0
        except Exception:
            yield 2
def process(data, state):
    for x in g():
        pass
