# expect: refused-at-upload
def process(data, state):
    return {"v": len(bytearray(10**9))}
