# expect: refused-at-upload
# why: process(*args)
def process(*args):
    return {"r": 1}
