# expect: refused-at-upload
# why: __debug__
def process(data, state):
    return {"r": __debug__}
