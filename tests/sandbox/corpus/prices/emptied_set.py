# expect: limit
# why: a set keeps the places of removed items, and a loop passes them all
def process(data, state):
    s = {*range(5000)}
    for k in range(0, 5000, 1000):
        s.symmetric_difference_update(range(k, k + 1000))
    i = 0
    while i != data.get("n"):
        i += 1
        for x in s:
            pass
        for x in s:
            pass
    return {"r": len(s)}
