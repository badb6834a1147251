# expect: refused-at-upload
# why: an iterator in the key of a table
T = {(1, iter([2])): n for n in range(2)}
def process(data, state):
    return {"r": len(T)}
