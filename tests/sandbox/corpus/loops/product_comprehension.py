# expect: limit
# why: a product in one comprehension
def process(data, state):
    return {"r": len([1 for a in range(20000) for b in range(20000)])}
