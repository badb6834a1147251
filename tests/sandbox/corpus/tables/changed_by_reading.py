# expect: runtime-error
# why: a list of a table that is reached through a function
T = {k: [] for k in ("a", "b")}
def kept(name):
    return T[name]
def process(data, state):
    kept("a").append(data)
    return {"r": 1}
