# expect: limit|ok
# why: maps upon maps, run
def process(data, state):
    g = [1]
    for i in range(40000):
        g = map(str, g)
    return {"r": list(g)}
