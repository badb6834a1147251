# expect: limit
# why: the text of an error contains the texts of shared errors
def process(data, state):
    e = ValueError(1, 2)
    for i in range(60):
        e = ValueError(e, e)
    return {"r": len(str(e))}
