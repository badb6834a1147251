# expect: runtime-error|limit
# why: an error that holds a shared structure is not caught
def process(data, state):
    a = [1]
    for i in range(40):
        a = [a, a]
    raise ValueError(a)
    return {"r": 1}
