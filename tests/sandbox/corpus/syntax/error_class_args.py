# expect: runtime-error
# why: args of a class
def process(data, state):
    return {"r": str(ValueError.args)}
