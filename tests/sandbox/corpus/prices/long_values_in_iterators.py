# expect: limit
# why: a long list is compared with each item of an iterator
def process(data, state):
    x = [0] * 19000
    y = [*x, 1]
    x.append(2)
    return {"r": x in map(lambda z: y, range(5000))}
