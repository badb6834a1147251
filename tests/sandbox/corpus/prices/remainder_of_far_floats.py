# expect: limit
# why: a remainder takes a step for each bit that two floats lie apart
def process(data, state):
    x = 1.7e308
    y = 5e-324 * 3
    i = 0
    while i != data.get("n"):
        i += 1
        z = (x % y, x % y, x % y, x % y, x % y, x % y, x % y, x % y, x % y, x % y, x % y, x % y, x % y, x % y, x % y, x % y)
    return {"r": 1}
