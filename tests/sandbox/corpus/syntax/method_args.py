# expect: runtime-error
# why: args of a bound method (a partial has them)
def process(data, state):
    f = data.get
    return {"r": str(f.args)}
