# expect: limit
# why: a state of very many numbers
def process(data, state):
    state["s"] = [1.5] * 20000
    return {"r": 1}
