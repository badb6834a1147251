# expect: runtime-error
# why: an unbound method on another type
def process(data, state):
    return {"r": str.lower(5)}
