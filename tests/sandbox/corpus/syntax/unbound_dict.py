# expect: runtime-error
# why: an unbound method on a function
def process(data, state):
    return {"r": dict.items(process)}
