# expect: runtime-error
# why: a set
def process(data, state):
    return {"r": {1, 2}}
