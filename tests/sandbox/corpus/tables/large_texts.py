# expect: refused-at-upload
# why: texts that together are too large
T = {n: str(n) * 100000 for n in range(50)}
def process(data, state):
    return {"r": len(T)}
