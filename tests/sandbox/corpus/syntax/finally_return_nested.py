# expect: refused-at-upload
# why: return in finally in a nested function
def f():
    try:
        while True:
            pass
    finally:
        if True:
            return 1
def process(data, state):
    return {"r": f()}
