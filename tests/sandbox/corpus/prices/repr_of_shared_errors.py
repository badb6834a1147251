# expect: limit|ok
# why: the text of an error contains the texts of shared errors
def process(data, state):
    e = ValueError(1, 2)
    for i in range(14):
        e = ValueError(e, e)
    return {"r": len(repr(e))}
