# expect: limit
# why: split into very many
def process(data, state):
    return {"r": len(("a," * 100000).split(","))}
