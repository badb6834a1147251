# expect: limit
# why: *= on an item
def process(data, state):
    state["s"] = "ab"
    state["s"] *= 10 ** 9
    return {"r": 1}
