# expect: limit
# why: enumerate counts from any number
def process(data, state):
    return {"r": list(enumerate([1], 2 ** 1000 * 2 ** 20))}
