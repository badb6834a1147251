# expect: refused-at-upload
# why: a function with the name of a guard
def _bounded_(x):
    return x
def process(data, state):
    return {"r": 1}
