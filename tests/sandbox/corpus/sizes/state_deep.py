# expect: limit
# why: a state that is too deep
def process(data, state):
    for i in range(20):
        state["s"] = dict(state)
    return {"r": 1}
