# expect: limit
# why: whole numbers with one hash make a set quadratic
def process(data, state):
    while True:
        s = {i * (2 ** 61 - 1) for i in range(4000)}
    return {"r": 1}
