# expect: limit
# why: recursion through map
def f(n):
    return list(map(f, [1]))
def process(data, state):
    f(0)
