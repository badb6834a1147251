# expect: runtime-error
# why: NaN among many floats
def process(data, state):
    xs = [1.5] * 100
    xs[50] = float("nan")
    return {"r": xs}
