# expect: refused-at-upload
# why: slices in a tuple
def process(data, state):
    xs = [1]
    return {"r": xs[0:1, 0:1]}
