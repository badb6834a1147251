# expect: ok
# why: a tuple leaves as a list
def process(data, state):
    return {"r": (1, 2)}
