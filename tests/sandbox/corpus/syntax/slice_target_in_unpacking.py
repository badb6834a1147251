# expect: refused-at-upload
# why: a slice in an unpacking
def process(data, state):
    xs = [1, 2]
    xs[0:1], y = [1], 2
    return {"r": 1}
