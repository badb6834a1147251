# expect: refused-at-upload
# why: yield in a lambda
def process(data, state):
    f = lambda: (yield)
    return {"r": 1}
