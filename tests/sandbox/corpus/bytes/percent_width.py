# expect: runtime-error
def process(data, state):
    return {"n": len(b"%999999999d" % 5)}
