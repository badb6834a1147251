# expect: refused-at-upload
# why: a call as a default
def f(x, seen=dict()):
    return seen
def process(data, state):
    return {"r": f(1)}
