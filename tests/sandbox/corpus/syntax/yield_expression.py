# expect: refused-at-upload
# why: yield in an expression
def process(data, state):
    f = lambda: (yield)
    return {"r": 1}
