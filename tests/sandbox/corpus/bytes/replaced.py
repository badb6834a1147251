# expect: limit
def process(data, state):
    return {"n": len(bytes(200_000).replace(b"", b"abcdefgh"))}
