# expect: ok
# why: _ as a throw-away name
def process(data, state):
    n = 0
    for _ in range(3):
        n += 1
    return {"r": n}
