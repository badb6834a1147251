# expect: runtime-error
# why: a type
def process(data, state):
    return {"r": int}
