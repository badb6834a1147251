# expect: limit
def process(data, state):
    return {"n": len(bytes(10**9))}
