# expect: runtime-error
# why: the frame of a generator by a format
def g():
    yield 1
def process(data, state):
    return {"r": "{0[gi_frame]}".format(g())}
