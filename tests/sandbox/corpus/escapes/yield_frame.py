# expect: refused-at-upload
# why: the frame of a generator
def g():
    yield 1
def process(data, state):
    return {"r": str(g().gi_frame.f_back.f_globals)}
