# expect: limit
# why: zfill within the limits, for ever
def process(data, state):
    while True:
        "a".zfill(200000)
    return {"r": 1}
