# expect: limit
def process(data, state):
    a = {i: 1 for i in range(3000)}
    b = {-i: 1 for i in range(3000)}
    return {"r": len({**a, **b})}
