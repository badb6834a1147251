# expect: runtime-error
# why: process itself
def process(data, state):
    return process
