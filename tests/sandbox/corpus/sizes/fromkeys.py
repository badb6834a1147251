# expect: limit
# why: fromkeys of very many
def process(data, state):
    return {"r": len(dict.fromkeys(range(20000)))}
