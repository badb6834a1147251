# expect: refused-at-upload
# why: an attribute as a loop target
def process(data, state):
    for state.x in [1]:
        pass
    return {"r": 1}
