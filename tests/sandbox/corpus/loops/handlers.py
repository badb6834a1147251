# expect: limit
# why: errors caught for ever
def process(data, state):
    while True:
        try:
            raise ValueError("x")
        except Exception:
            continue
    return {"r": 1}
