# expect: limit
def process(data, state):
    x = [0] * 15000
    return {"r": (lambda *w: len(w))(*x, *x)}
