# expect: limit
# why: a state of long keys
def process(data, state):
    state["x" * 70000] = 1
    return {"r": 1}
