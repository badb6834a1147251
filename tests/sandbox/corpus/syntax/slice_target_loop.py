# expect: refused-at-upload
def process(data, state):
    x = [1, 2, 3, 4]
    for i, (x[0:0], b) in enumerate([(x, 1)] * 40):
        pass
    return {"r": len(x)}
