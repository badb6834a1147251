# expect: runtime-error
# why: raise of a dict
def process(data, state):
    raise data
    return {"r": 1}
