# expect: ok
def process(data, state):
    a = []
    b = []
    c = []
    s = {a.append, b.append, c.append}
    n = 0
    for f in s:
        f(n)
        n += 1
    return {"r": [a, b, c]}
