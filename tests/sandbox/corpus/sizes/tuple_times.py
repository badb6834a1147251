# expect: limit
# why: a tuple times a number
def process(data, state):
    return {"r": len((0, 1) * 10 ** 9)}
