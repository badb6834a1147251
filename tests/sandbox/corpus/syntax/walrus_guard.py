# expect: refused-at-upload
# why: a walrus on the name of a guard
def process(data, state):
    if (_walk_ := 1):
        pass
    return {"r": 1}
