# expect: limit
# why: pop(0) moves all items
def process(data, state):
    while True:
        xs = list(range(20000))
        while xs:
            xs.pop(0)
    return {"r": 1}
