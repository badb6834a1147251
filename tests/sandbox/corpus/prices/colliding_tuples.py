# expect: limit
# why: pairs that are found only after all others of the same hash
def process(data, state):
    p, r, q = 11400714785074694791, 14029467366897019727, 2870177450012600261
    m = 2 ** 64 - 1
    d = {}
    a = 1
    while len(d) < 300:
        x = (q + a * r) & m
        x = (((x << 31) | (x >> 33)) & m) * p & m
        y = (123456789123 - x) * 839798700976720815 & m
        y = y - 2 ** 64 if y >= 2 ** 63 else y
        if -(2 ** 61) < y < 2 ** 61 - 1:
            d[a, y] = 1
            last = (a, y)
        a += 1
    i = 0
    while i != data.get("n"):
        i += 1
        z = (last in d, d[last], d.get(last), last in d, d[last], d.get(last))
    return {"r": 1}
