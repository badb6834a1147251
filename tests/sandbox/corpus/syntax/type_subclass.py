# expect: refused-at-upload
# why: subclasses of a type
def process(data, state):
    return {"r": int.__subclasses__()}
