# expect: limit
# why: str of an error shows what it holds
def process(data, state):
    a = [1]
    for i in range(40):
        a = [a, a]
    try:
        raise ValueError(a)
    except ValueError as e:
        return {"r": str(e)}
