# expect: limit
# why: replace of nothing
def process(data, state):
    s = "a" * 100000
    return {"r": len(s.replace("", "abc"))}
