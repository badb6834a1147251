# expect: ok
# why: a lambda inside an f-string
def process(data, state):
    return {"r": f"{(lambda x: x + 1)(1)}"}
