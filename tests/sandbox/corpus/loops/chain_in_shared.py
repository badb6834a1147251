# expect: limit
# why: a shared structure in a chain of comparisons with in
def process(data, state):
    x = ()
    y = ()
    for n in range(40):
        x = (x, x)
        y = (y, y)
    return {"r": () < x in [y]}
