# expect: ok
# why: a bound method in a table keeps its list
T = [[].append for _ in range(2)]
def process(data, state):
    T[0](data)
    return {"r": len(T)}
