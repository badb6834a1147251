# expect: refused-at-upload
# why: the function that makes process
def process(data, state):
    return {"r": str(_make_())}
