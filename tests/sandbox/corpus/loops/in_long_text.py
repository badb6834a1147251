# expect: limit
# why: `in` on long texts
def process(data, state):
    s = "ab" * 100000
    t = "b" * 50000 + "a"
    while t not in s:
        pass
    return {"r": 1}
