# expect: limit
# why: whole numbers with one hash make a dict quadratic
def process(data, state):
    while True:
        d = {i * (2 ** 61 - 1): 1 for i in range(4000)}
    return {"r": 1}
