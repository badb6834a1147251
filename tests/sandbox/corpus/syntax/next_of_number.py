# expect: runtime-error
# why: next of what is no iterator
def process(data, state):
    return {"r": next(5)}
