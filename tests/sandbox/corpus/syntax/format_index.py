# expect: ok
# why: str.format with an index
def process(data, state):
    return {"r": "{0[machine]}".format(data)}
