# expect: runtime-error
# why: a list of lists of dicts
def process(data, state):
    return [[{"a": 1}]]
