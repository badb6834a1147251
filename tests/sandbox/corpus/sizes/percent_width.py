# expect: limit
# why: % pads to any width
def process(data, state):
    return {"r": "%1000000000d" % 5}
