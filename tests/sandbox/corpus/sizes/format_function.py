# expect: limit
# why: format() pads to any width
def process(data, state):
    return {"r": format(5, "1000000000")}
