# expect: refused-at-upload
# why: a small structure that is copied into a large one
T = [1]
for _ in range(14):
    T = [T, T, T, T, T, T]
def process(data, state):
    return {"r": len(T)}
