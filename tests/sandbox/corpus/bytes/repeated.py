# expect: limit
def process(data, state):
    return {"n": len(b"x" * 10**9)}
