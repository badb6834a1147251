# expect: limit
def process(data, state):
    return {"n": len(b"x".join([bytes(200_000)] * 50))}
