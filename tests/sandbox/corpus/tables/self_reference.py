# expect: refused-at-upload
# why: a table that contains itself
T = {}
for _ in (1,):
    T["me"] = T
def process(data, state):
    return {"r": len(T)}
