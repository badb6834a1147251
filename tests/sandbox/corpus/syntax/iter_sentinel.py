# expect: runtime-error
# why: iter with a sentinel never ends
def process(data, state):
    return {"r": len(list(iter(lambda: 1, 2)))}
