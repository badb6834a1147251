# expect: runtime-error
# why: a function in the state
def process(data, state):
    state["f"] = len
    return {"r": 1}
