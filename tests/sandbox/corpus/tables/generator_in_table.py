# expect: refused-at-upload
# why: a suspended generator keeps its variables
def gen():
    kept = []
    while True:
        kept.append(len(kept))
        yield kept
T = [gen() for _ in range(2)]
def process(data, state):
    return {"r": next(T[0])}
