# expect: refused-at-upload
# why: an attribute as a target of a comprehension
def process(data, state):
    return {"r": [1 for state.x in [1]]}
