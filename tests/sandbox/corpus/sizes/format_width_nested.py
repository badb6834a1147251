# expect: limit
# why: the width in a format comes from a field
def process(data, state):
    return {"r": "{:{w}}".format("x", w=10 ** 9)}
