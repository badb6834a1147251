# expect: limit
# why: a constant that is too large
X = [0] * 10 ** 9
def process(data, state):
    return {"r": 1}
