# expect: limit
# why: a dict of very many pairs
def process(data, state):
    return {"r": len(dict(zip(range(20000), range(20000))))}
