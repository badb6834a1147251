# expect: limit
# why: keys of one hash, looked up by an expression that is certainly a number
def process(data, state):
    p = 2 ** 61 - 1
    d = {}
    k = p * 2 ** 61
    for i in range(700):
        d[k + i * p] = 1
    miss = k + 5000 * p
    i = 0
    while i != data.get("n"):
        i += 1
        z = (abs(miss) in d, -miss in d, miss // 1 in d, abs(miss) in d, +miss in d, abs(miss) not in d)
    return {"r": 1}
