# expect: limit
# why: a limit in a handler in a finally
def process(data, state):
    try:
        x = [0] * 10 ** 9
    finally:
        try:
            while True:
                pass
        except Exception:
            pass
    return {"r": 1}
