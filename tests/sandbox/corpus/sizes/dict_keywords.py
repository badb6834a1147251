# expect: limit
def process(data, state):
    a = {"a" + str(i): 1 for i in range(3000)}
    b = {"b" + str(i): 1 for i in range(3000)}
    return {"r": len(dict(a.items(), **b))}
