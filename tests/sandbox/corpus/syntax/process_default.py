# expect: refused-at-upload
# why: process with a third value
def process(data, state, more=None):
    return {"r": 1}
