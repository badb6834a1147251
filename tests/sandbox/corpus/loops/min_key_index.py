# expect: limit
# why: min with list.index as key is quadratic
def process(data, state):
    xs = list(range(20000))
    return {"r": min(xs, key=xs.index)}
