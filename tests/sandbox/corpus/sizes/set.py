# expect: limit
# why: a set of very many
def process(data, state):
    return {"r": len(set(range(20000)))}
