# expect: limit|ok
# why: each error caused by the one before
def process(data, state):
    kept = None
    for i in range(5000):
        try:
            raise ValueError("x") from kept
        except ValueError as e:
            kept = e
    return {"r": 1}
