# expect: limit
# why: a pattern compares and captures parts of a shared structure, which is then compared whole
def process(data, state):
    x = ()
    for n in range(40):
        x = (x, x)
    y = ()
    for n in range(40):
        y = (y, y)
    match [x, y]:
        case [(a, b), (c, d)] if a == b == c == d:
            return {"r": 1}
