# expect: runtime-error
# why: a tuple as a key
def process(data, state):
    return {"r": {(1, 2): 3}}
