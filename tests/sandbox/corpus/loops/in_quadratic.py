# expect: limit
# why: `in` on a text of 29,000 characters
def process(data, state):
    s = "a" * 29000
    t = "a" * 7500 + "b" + "a" * 7500
    while t not in s:
        pass
    return {"r": 1}
