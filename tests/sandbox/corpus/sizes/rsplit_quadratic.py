# expect: limit
# why: rsplit is quadratic
def process(data, state):
    s = "a" * 100000
    t = "b" + "a" * 50000
    while True:
        s.rsplit(t)
    return {"r": 1}
