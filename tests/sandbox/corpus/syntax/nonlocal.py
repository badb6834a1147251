# expect: ok
# why: nonlocal
def process(data, state):
    n = 0
    def f():
        nonlocal n
        n = 1
    f()
    return {"r": 1}
