# expect: limit
# why: a shift
def process(data, state):
    return {"r": (1 << 10 ** 9) % 7}
