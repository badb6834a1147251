# expect: refused-at-upload
# why: a bytes literal
def process(data, state):
    return {"r": len(b"x" * 10)}
