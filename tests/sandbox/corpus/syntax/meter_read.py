# expect: refused-at-upload
# why: reading the meter
def process(data, state):
    return {"r": _meter_.fuel}
