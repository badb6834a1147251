# expect: limit
# why: `in` on a range with a text compares each
def process(data, state):
    while True:
        if "x" in range(20000):
            pass
    return {"r": 1}
