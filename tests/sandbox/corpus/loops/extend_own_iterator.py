# expect: limit
# why: extend with an iterator over itself never ends in C
def process(data, state):
    xs = [1]
    while True:
        xs.extend(iter(xs))
    return {"r": 1}
