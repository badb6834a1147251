# expect: limit
# why: rounding a large float computes all its digits
def process(data, state):
    x = 2.0 ** 1023
    y = 2.0 ** -126
    i = 0
    while i != data.get("n"):
        i += 1
        z = (round(x, 0), round(x, 1), round(y, 200), round(x, 0), f"{x:.200f}", "%.200e" % y)
    return {"r": 1}
