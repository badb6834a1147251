# expect: runtime-error
# why: type of a function
def process(data, state):
    return {"r": str(type(process))}
