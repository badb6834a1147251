# expect: limit
# why: any over an endless amount of false
def process(data, state):
    return {"r": any(False for a in range(20000) for b in range(20000))}
