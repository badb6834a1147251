# expect: limit
# why: a range longer than a C number
def process(data, state):
    return {"r": len(range(10 ** 30))}
