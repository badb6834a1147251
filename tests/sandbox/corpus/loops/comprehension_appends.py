# expect: limit
# why: a list that grows while comprehensions run over it
def process(data, state):
    xs = [1]
    return {"r": len([[xs.append(1) for b in xs] for a in xs])}
