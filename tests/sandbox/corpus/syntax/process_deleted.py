# expect: refused-at-upload
# why: process deleted
def process(data, state):
    return {"r": 1}
del process
