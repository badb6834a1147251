# expect: runtime-error
# why: a function
def process(data, state):
    return {"r": lambda: 1}
