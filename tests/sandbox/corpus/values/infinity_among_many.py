# expect: runtime-error
# why: infinity among many floats
def process(data, state):
    xs = [1.5] * 100
    xs[50] = 1e308 * 10
    return {"r": xs}
