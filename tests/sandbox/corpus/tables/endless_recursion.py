# expect: refused-at-upload
# why: a recursion at the top level that does not end
def f(n):
    return f(n + 1)
T = f(0)
def process(data, state):
    return {"r": T}
