# expect: refused-at-upload
# why: a value is sent into a generator
def g():
    x = yield
def process(data, state):
    h = g()
    next(h)
    return {"r": h.send("ESCAPED")}
