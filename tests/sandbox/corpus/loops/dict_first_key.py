# expect: limit
# why: the first key of a dict whose first keys are gone
def process(data, state):
    while True:
        d = {i: i for i in range(4000)}
        while d:
            del d[next(iter(d))]
    return {"r": 1}
