# expect: limit
# why: the same over set()
def process(data, state):
    xs = [i * (2 ** 61 - 1) for i in range(4000)]
    while True:
        set(xs)
    return {"r": 1}
