# expect: refused-at-upload
def process(data, state):
    x = [1, 2, 3, 4]
    for i in range(40):
        (x[0:0], b), c = (x, 1), 2
    return {"r": len(x)}
