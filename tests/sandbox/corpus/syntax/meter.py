# expect: refused-at-upload
# why: the meter itself
def process(data, state):
    _meter_.fuel = 10 ** 12
    return {"r": 1}
