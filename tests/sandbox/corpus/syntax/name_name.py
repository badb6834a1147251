# expect: refused-at-upload
# why: __name__
def process(data, state):
    return {"r": __name__}
