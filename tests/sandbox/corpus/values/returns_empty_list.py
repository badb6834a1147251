# expect: ok
# why: an empty list is no result
def process(data, state):
    return []
