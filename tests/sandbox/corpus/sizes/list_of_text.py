# expect: limit
# why: list of a long text
def process(data, state):
    return {"r": len(list("a" * 200000))}
