# expect: runtime-error
# why: a class
def process(data, state):
    return {"r": ValueError}
