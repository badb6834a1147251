# expect: runtime-error
# why: str.format as a value
def process(data, state):
    return {"r": list(map("{0.__class__}".format, [1]))}
