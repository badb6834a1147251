# expect: limit
# why: keys of one hash in dicts that are compared with each dict in a list
def process(data, state):
    d = {2**1000 + i * (2**61 - 1): 0 for i in range(300)}
    e = d.copy()
    d["last"] = 1
    e["last"] = 2
    rows = [d] * 400
    return {"r": e in rows}
