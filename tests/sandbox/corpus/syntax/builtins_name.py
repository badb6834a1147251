# expect: refused-at-upload
# why: __builtins__
def process(data, state):
    return {"r": str(__builtins__)}
