# expect: limit
# why: sum grows
def process(data, state):
    return {"r": sum([2 ** 1023] * 20000) % 7}
