# expect: limit|ok
# why: zips upon zips
def process(data, state):
    g = iter([1])
    for i in range(40000):
        g = zip(g)
    return {"r": 1}
