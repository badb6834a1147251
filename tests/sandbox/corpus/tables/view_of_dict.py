# expect: refused-at-upload
# why: a view keeps its dict, which can change
D = {}
for n in range(3):
    D[n] = n
T = [D.values() for _ in (1,)]
def process(data, state):
    return {"r": len(T)}
