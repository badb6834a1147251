# expect: refused-at-upload
# why: an attribute is deleted
def process(data, state):
    del state.x
    return {"r": 1}
