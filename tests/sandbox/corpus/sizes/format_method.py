# expect: limit
# why: str.format pads to any width
def process(data, state):
    return {"r": "{:1000000000}".format(5)}
