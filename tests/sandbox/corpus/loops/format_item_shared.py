# expect: limit
# why: a field shows an item that is a large shared structure
def process(data, state):
    x = [1]
    for n in range(40):
        x = [x, x]
    return {"r": "{0[x]}".format({"x": x})}
