# expect: limit
# why: True is a number too
def process(data, state):
    return {"r": round(True, -10 ** 9)}
