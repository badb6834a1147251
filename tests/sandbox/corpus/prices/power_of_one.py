# expect: limit
# why: a power of 1 takes a step for each bit of the exponent
def process(data, state):
    n = 2 ** 1023
    i = 0
    while i != data.get("n"):
        i += 1
        z = (1 ** n, True ** n, (-1) ** n, pow(1, n), pow(True, n), 0 ** n)
    return {"r": 1}
