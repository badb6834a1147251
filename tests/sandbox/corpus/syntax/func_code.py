# expect: refused-at-upload
# why: __code__ of a function
def process(data, state):
    return {"r": str(process.__code__)}
