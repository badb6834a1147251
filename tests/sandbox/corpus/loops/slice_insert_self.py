# expect: limit
# why: slice assignment of itself doubles
def process(data, state):
    xs = [1, 2]
    while True:
        xs[1:1] = xs
    return {"r": 1}
