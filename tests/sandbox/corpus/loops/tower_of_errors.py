# expect: limit|ok
# why: errors upon errors
def process(data, state):
    e = None
    for i in range(9000):
        e = ValueError(e)
    return {"r": 1}
