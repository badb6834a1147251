# expect: limit
# why: a union of very many
def process(data, state):
    a = set(range(4000))
    b = set(range(4000, 8000))
    return {"r": len(a | b)}
