# expect: limit
# why: small numbers whose places in the table follow each other: a search passes them all
def process(data, state):
    d = {}
    slot = 1
    for i in range(5000):
        d[slot] = 1
        slot = (slot * 5 + 1) % 8192
    miss = 855416833
    i = 0
    while i != data.get("n"):
        i += 1
        z = (miss in d, d.get(miss), miss in d, d.get(miss), miss not in d, d.pop(miss, 0))
    return {"r": 1}
