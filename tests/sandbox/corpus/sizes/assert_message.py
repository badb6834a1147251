# expect: runtime-error|limit
# why: an assert that holds a shared structure
def process(data, state):
    a = [1]
    for i in range(40):
        a = [a, a]
    assert False, a
    return {"r": 1}
