# expect: runtime-error
# why: infinity
def process(data, state):
    return {"r": float("inf")}
