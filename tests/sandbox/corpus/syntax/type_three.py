# expect: runtime-error
# why: type with three arguments
def process(data, state):
    return {"r": type("X", (), {})}
