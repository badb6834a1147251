# expect: refused-at-upload
# why: process twice
def process(data, state):
    return {"r": 1}
def process(data, state):
    return {"r": 2}
