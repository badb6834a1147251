# expect: refused-at-upload
# why: an attribute in an unpacking
def process(data, state):
    state.x, y = 1, 2
    return {"r": 1}
