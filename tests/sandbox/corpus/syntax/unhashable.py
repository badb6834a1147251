# expect: runtime-error
# why: a list as a key
def process(data, state):
    return {"r": {[1]: 1}}
