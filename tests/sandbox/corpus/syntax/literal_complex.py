# expect: refused-at-upload
# why: a complex literal
def process(data, state):
    return {"r": 1j}
