# expect: limit
# why: a constant number that is too large
X = 10 ** 10 ** 8
def process(data, state):
    return {"r": 1}
