# expect: refused-at-upload
# why: an attribute is changed
def process(data, state):
    state.x += 1
    return {"r": 1}
