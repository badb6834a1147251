# expect: limit
# why: percent signs that take no value
def process(data, state):
    p = "%%" * 131072
    i = 0
    while i != data.get("n"):
        i += 1
        z = p % ()
    return {"r": 1}
