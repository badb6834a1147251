# expect: refused-at-upload
# why: a dict as a default of a lambda
def process(data, state):
    f = lambda x, seen={}: seen
    return {"r": f(1)}
