# expect: limit
# why: list() over a map that makes its source longer
def process(data, state):
    xs = [1]
    return {"r": len(list(map(xs.append, xs)))}
