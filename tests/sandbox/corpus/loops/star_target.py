# expect: limit
# why: unpacking copies the rest
def process(data, state):
    d = list(range(20000))
    while True:
        a, *b = d
    return {"r": 1}
