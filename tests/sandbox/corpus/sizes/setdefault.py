# expect: limit
# why: a dict that grows by setdefault
def process(data, state):
    d = {}
    i = 0
    while True:
        d.setdefault(i, i)
        i += 1
    return {"r": 1}
