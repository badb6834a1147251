# expect: limit
def process(data, state):
    return {"n": int.from_bytes(b"\xff" * 5000, "big")}
