# expect: refused-at-upload
# why: except* of limits
def process(data, state):
    try:
        while True:
            pass
    except* Exception:
        pass
    return {"r": 1}
