# expect: refused-at-upload
# why: a loop over the name of a guard
def process(data, state):
    for _each_ in [1]:
        pass
    return {"r": 1}
