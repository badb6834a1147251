# expect: limit
# why: += on an item
def process(data, state):
    state["s"] = "ab"
    while True:
        state["s"] += state["s"]
    return {"r": 1}
