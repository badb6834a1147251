# expect: limit
# why: split of a text of 29,000 characters
def process(data, state):
    s = "a" * 29000
    t = "a" * 7500 + "b" + "a" * 7500
    while len(s.split(t)) == 1:
        pass
    return {"r": 1}
