# expect: limit
# why: extend with a map that appends to the same list
def process(data, state):
    xs = [1]
    xs.extend(map(lambda v: xs.append(v) or v, xs))
    return {"r": 1}
