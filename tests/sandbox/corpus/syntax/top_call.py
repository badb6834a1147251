# expect: ok
# why: a call at the top level
def f():
    return 1
X = f()
def process(data, state):
    return {"r": X}
