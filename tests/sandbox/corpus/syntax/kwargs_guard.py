# expect: refused-at-upload
# why: **kwargs with the name of a guard
def f(**_add_):
    return 1
def process(data, state):
    return {"r": f()}
