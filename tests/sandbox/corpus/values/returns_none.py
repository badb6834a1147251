# expect: ok
# why: None is no result
def process(data, state):
    return None
