# expect: refused-at-upload
# why: process itself is a generator
def process(data, state):
    state["n"] = 1
    yield {"r": "ESCAPED"}
