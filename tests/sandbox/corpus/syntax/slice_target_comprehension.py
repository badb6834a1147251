# expect: refused-at-upload
def process(data, state):
    x = [1, 2, 3, 4]
    y = [b for (x[0:0], b), c in [((x, 1), 2)] * 40]
    return {"r": len(x)}
