# expect: limit
# why: a number times a list
def process(data, state):
    return {"r": len(10 ** 9 * [0])}
