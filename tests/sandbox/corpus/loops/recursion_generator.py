# expect: limit
# why: recursion through a generator
def f(n):
    return sum(f(x) for x in [1])
def process(data, state):
    f(0)
