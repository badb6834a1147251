# expect: runtime-error
# why: a view of a dict
def process(data, state):
    return {"r": data.keys()}
