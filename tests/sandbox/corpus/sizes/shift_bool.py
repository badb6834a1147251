# expect: limit
# why: a shift of True
def process(data, state):
    return {"r": (True << 10 ** 9) % 7}
