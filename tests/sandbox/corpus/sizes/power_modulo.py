# expect: runtime-error|limit
# why: pow() with a modulus
def process(data, state):
    return {"r": pow(3, 2 ** 1000, 2 ** 1000 - 1)}
