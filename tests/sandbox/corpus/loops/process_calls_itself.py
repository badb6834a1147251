# expect: limit
# why: process calls itself
def process(data, state):
    return process(data, state)
