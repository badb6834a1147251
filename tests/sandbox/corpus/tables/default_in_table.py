# expect: refused-at-upload
# why: a function with a default that keeps values, in a list that a comprehension makes
T = [lambda x, kept=[]: (kept.append(x), len(kept))[1] for _ in range(2)]
def process(data, state):
    return {"r": T[0](data)} if T[0](data) == 1 else {"r": "LEAK"}
