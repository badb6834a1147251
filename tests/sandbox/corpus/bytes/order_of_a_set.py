# expect: ok
def process(data, state):
    return {"v": [x.hex() for x in {b"b", b"a", b"c", b"\xff"}], "w": [str(x) for x in {b"b", "a", 5, b"a"}]}
