# expect: limit
# why: a limit cannot be caught
def process(data, state):
    while True:
        try:
            xs = [0] * 10 ** 9
        except Exception:
            pass
    return {"r": 1}
