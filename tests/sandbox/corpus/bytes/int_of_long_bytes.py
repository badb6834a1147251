# expect: limit
def process(data, state):
    return {"v": int(b"1" * 200_000, 2)}
