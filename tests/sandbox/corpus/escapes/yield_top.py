# expect: refused-at-upload
# why: yield at the top level would make a generator of the whole logic
X = (yield)
def process(data, state):
    return {"r": 1}
