# expect: limit
def process(data, state):
    return {"n": len((1).to_bytes(10**9, "big"))}
