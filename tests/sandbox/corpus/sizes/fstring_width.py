# expect: limit
# why: an f-string pads to any width
def process(data, state):
    return {"r": f"{5:1000000000}"}
