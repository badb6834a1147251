# expect: runtime-error
# why: too few values
def process(data, state):
    a, b = [1]
    return {"r": 1}
