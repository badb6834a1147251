# expect: refused-at-upload
# why: del of a guard
def process(data, state):
    del _meter_
    return {"r": 1}
