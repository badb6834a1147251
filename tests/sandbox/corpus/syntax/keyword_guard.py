# expect: refused-at-upload
# why: a keyword with the name of a guard
def process(data, state):
    return {"r": dict(_getattr_=1)}
