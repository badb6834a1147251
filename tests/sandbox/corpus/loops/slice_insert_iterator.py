# expect: limit
# why: slice assignment of an iterator over itself
def process(data, state):
    xs = [1, 2]
    while True:
        xs[1:1] = iter(xs)
    return {"r": 1}
