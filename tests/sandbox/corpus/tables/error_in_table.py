# expect: refused-at-upload
# why: an error keeps its arguments
T = [ValueError([n]) for n in range(2)]
def process(data, state):
    return {"r": str(T[0])}
