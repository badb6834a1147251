# expect: ok
# why: truth values among numbers
def process(data, state):
    return {"r": [1, True, 2.5, None, "x", 1, 2, 3, 4, 5]}
