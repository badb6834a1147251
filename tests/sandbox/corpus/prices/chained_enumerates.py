# expect: limit
# why: each item of a chain passes all iterators in it
def process(data, state):
    i = 0
    while i != data.get("n"):
        i += 1
        x = iter(range(1000))
        for k in range(150):
            x = enumerate(x)
        list(x)
    return {"r": 1}
