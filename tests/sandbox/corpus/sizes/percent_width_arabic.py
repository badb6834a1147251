# expect: runtime-error
def process(data, state):
    return {"r": len("%\u0669\u0669\u0669\u0669d" % 1)}
