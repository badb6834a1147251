# expect: limit
# why: recursion
def f(n):
    return f(n + 1)
def process(data, state):
    return f(0)
