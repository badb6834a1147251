# expect: refused-at-upload
# why: __import__
def process(data, state):
    return {"r": str(__import__("os"))}
