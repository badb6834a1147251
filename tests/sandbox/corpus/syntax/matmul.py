# expect: refused-at-upload
# why: @
def process(data, state):
    return {"r": 1 @ 2}
