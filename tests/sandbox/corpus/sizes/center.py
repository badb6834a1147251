# expect: limit
# why: center
def process(data, state):
    return {"r": len("a".center(10 ** 10))}
