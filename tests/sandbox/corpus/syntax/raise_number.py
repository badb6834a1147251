# expect: runtime-error
# why: raise of a number
def process(data, state):
    raise 5
    return {"r": 1}
