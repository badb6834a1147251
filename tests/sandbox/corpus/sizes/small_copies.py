# expect: limit
# why: very many copies of a small dict
def process(data, state):
    keep = None
    d = {"a": 1, "b": 2, "c": 3}
    while True:
        keep = (keep, d.copy(), d.copy(), {**d}, dict(d))
    return {"r": 1}
