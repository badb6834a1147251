# expect: refused-at-upload
# why: an ellipsis
def process(data, state):
    return {"r": ...}
