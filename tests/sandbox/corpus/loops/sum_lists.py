# expect: limit
# why: sum of lists is quadratic
def process(data, state):
    xs = [[1] * 100] * 20000
    return {"r": len(sum(xs, []))}
