# expect: runtime-error
# why: a number beyond 64 bits among many
def process(data, state):
    xs = [1] * 100
    xs[50] = 2 ** 64
    return {"r": xs}
