# expect: runtime-error
# why: args of a generator
def process(data, state):
    g = (x for x in [1])
    return {"r": str(g.args)}
