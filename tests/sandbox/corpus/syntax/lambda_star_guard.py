# expect: refused-at-upload
# why: a lambda with *args
def process(data, state):
    f = (lambda *_tick_: 1)
    return {"r": f()}
