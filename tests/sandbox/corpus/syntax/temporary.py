# expect: refused-at-upload
# why: a name of the rewriting
def process(data, state):
    return {"r": _tmp0}
