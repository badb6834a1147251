# expect: ok
# why: a tuple of dicts
def process(data, state):
    return {"a": 1}, {"b": 2}
