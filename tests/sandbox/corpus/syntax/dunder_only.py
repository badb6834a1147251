# expect: refused-at-upload
# why: a name of low lines only
def process(data, state):
    __ = 1
    return {"r": __}
