# expect: runtime-error
# why: raise from a number
def process(data, state):
    raise ValueError("x") from 5
    return {"r": 1}
