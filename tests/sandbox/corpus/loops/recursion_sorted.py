# expect: limit
# why: recursion through C
def f(n):
    return sorted([1, 2], key=f)
def process(data, state):
    f(0)
