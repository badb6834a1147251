# expect: limit
# why: set operations on long sets
def process(data, state):
    a = set(range(5000))
    b = set(range(2500, 7500))
    while True:
        a & b
        a - b
    return {"r": 1}
