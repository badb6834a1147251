# expect: limit
# why: set methods on long sets
def process(data, state):
    a = set(range(5000))
    b = list(range(2500, 7000))
    while True:
        a.intersection(b)
    return {"r": 1}
