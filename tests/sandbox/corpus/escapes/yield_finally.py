# expect: refused-at-upload
# why: a finally that the garbage collector runs, in a reading of another machine
KEPT = []
def g():
    try:
        yield 1
    finally:
        KEPT.append("LEAK")
def process(data, state):
    next(g())
    return {"r": KEPT}
