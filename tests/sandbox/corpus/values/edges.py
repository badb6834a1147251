# expect: ok
# why: the least and greatest numbers
def process(data, state):
    return {"a": -2 ** 63, "b": 2 ** 64 - 1}
