# expect: runtime-error
# why: a tuple is no list
def process(data, state):
    return {"r": (1, 2)}
