# expect: limit
# why: a key is compared with an equal one, character by character
def process(data, state):
    a = "\U0001f600" * 100000
    b = "\U0001f600" * 99999 + "\U0001f600"
    d = {a: 1}
    i = 0
    while i != data.get("n"):
        i += 1
        z = (d[b], d.get(b), b in d, d[b], d.get(b), b in d)
    return {"r": 1}
