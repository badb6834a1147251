# expect: limit
# why: del xs[0] moves all items
def process(data, state):
    while True:
        xs = list(range(20000))
        while xs:
            del xs[0]
    return {"r": 1}
