# expect: runtime-error|limit
# why: a KeyError shows its key
def process(data, state):
    d = {}
    return d["x" * 200000]
