# expect: runtime-error
# why: a set of a table that is changed in place
T = {k: {k} for k in ("a", "b")}
def process(data, state):
    s = T["a"]
    s |= {"LEAK"}
    return {"r": sorted(T["a"])}
