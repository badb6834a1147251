# expect: limit
# why: many values with a width
def process(data, state):
    return {"r": len(("%200d" * 20000) % tuple([1] * 20000))}
