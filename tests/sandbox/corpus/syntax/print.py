# expect: refused-at-upload
# why: print
def process(data, state):
    print("x")
    return {"r": 1}
