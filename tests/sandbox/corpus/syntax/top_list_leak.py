# expect: ok
# why: a list at the top level is new for each reading
SEEN = []
def process(data, state):
    SEEN.append(1)
    return {"r": len(SEEN)}
