# expect: limit|ok
# why: generators upon generators: undoing them takes C stack
def process(data, state):
    g = iter([1])
    for i in range(40000):
        g = (x for x in g)
    return {"r": 1}
