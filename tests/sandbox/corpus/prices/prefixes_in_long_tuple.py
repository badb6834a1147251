# expect: limit
# why: a long tuple of prefixes
def process(data, state):
    t = (1,) * 20000
    i = 0
    while i != data.get("n"):
        i += 1
        try:
            "abc".startswith(t)
        except TypeError:
            pass
    return {"r": 1}
