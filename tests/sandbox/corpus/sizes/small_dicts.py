# expect: limit
# why: very many small dicts
def process(data, state):
    keep = None
    while True:
        keep = (keep, {1: 1}, {1: 1}, {1: 1}, {1: 1})
    return {"r": 1}
