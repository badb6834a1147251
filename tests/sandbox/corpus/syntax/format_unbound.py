# expect: runtime-error
# why: str.format over the type
def process(data, state):
    return {"r": str.format("{0.__class__}", 1)}
