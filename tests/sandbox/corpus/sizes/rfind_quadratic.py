# expect: limit
# why: rfind is quadratic
def process(data, state):
    s = "a" * 100000
    t = "b" + "a" * 50000
    while True:
        s.rfind(t)
    return {"r": 1}
