# expect: limit
# why: a list that grows while map runs over it
def process(data, state):
    xs = [1]
    for x in map(xs.append, xs):
        pass
    return {"r": 1}
