# expect: refused-at-upload
def process(data, state):
    return {"v": len(memoryview(b"x"))}
