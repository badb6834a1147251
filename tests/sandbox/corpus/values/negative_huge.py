# expect: runtime-error
# why: a number below 64 bits
def process(data, state):
    return {"r": -2 ** 63 - 1}
