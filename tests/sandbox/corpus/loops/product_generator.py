# expect: limit
# why: a product in one generator
def process(data, state):
    return {"r": sum(1 for a in range(20000) for b in range(20000))}
