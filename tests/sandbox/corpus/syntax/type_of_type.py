# expect: runtime-error
# why: type of a type
def process(data, state):
    return {"r": str(type(type(1)))}
