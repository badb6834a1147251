# expect: limit
# why: an augmented slice that grows
def process(data, state):
    xs = [1, 2]
    xs[0:1] *= 10 ** 9
    return {"r": 1}
