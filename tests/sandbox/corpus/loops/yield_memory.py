# expect: limit
# why: suspended generators that each keep a long list
def g(n):
    xs = [n] * 20000
    yield len(xs)
def process(data, state):
    kept = []
    while True:
        h = g(1)
        next(h)
        kept.append(h)
