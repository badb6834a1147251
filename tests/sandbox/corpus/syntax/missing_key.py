# expect: runtime-error
# why: a key that is not there
def process(data, state):
    return {"r": data["nosuch"]}
