# expect: limit
# why: copies of a list
def process(data, state):
    d = list(range(20000))
    while True:
        e = [*d]
    return {"r": 1}
