# expect: runtime-error
# why: a number
def process(data, state):
    return 5
