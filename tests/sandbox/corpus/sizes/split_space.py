# expect: limit
# why: split at white space into very many
def process(data, state):
    return {"r": len(("a " * 100000).split())}
