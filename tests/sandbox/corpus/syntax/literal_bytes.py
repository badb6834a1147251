# expect: ok
def process(data, state):
    return {"r": len(b"x" * 10)}
