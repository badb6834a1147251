# expect: limit
# why: recursion caught and repeated
def f(n):
    try:
        f(n + 1)
    except Exception:
        f(n + 1)
def process(data, state):
    f(0)
