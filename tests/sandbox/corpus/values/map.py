# expect: runtime-error
# why: a map
def process(data, state):
    return {"r": map(str, [1])}
