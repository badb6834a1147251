# expect: limit
# why: startswith with many long texts
def process(data, state):
    t = tuple(["a" * 100000] * 20000)
    s = "a" * 99999 + "b"
    while True:
        s.startswith(t)
    return {"r": 1}
