# expect: refused-at-upload
# why: the collector of print
def process(data, state):
    return {"r": printed}
