# expect: runtime-error
# why: a generator in the state
def process(data, state):
    state["f"] = (x for x in [1])
    return {"r": 1}
