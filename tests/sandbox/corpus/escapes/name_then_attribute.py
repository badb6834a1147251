# expect: refused-at-upload
# why: an attribute after the name of a type
def process(data, state):
    return {"r": type(data).__name__.__class__}
