# expect: refused-at-upload
# why: a keyword-only parameter
def f(*, _key_=1):
    return 1
def process(data, state):
    return {"r": f()}
