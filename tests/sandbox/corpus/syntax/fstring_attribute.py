# expect: refused-at-upload
# why: an attribute inside an f-string
def process(data, state):
    return {"r": f"{data.__class__}"}
