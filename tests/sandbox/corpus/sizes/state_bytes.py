# expect: limit
# why: a state of 100 KB
def process(data, state):
    state["s"] = "x" * 100000
    return {"r": 1}
