# expect: refused-at-upload
# why: an attribute inside a format
def process(data, state):
    return {"r": f"{1:{data.__class__}}"}
