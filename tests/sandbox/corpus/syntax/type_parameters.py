# expect: refused-at-upload
# why: type parameters (3.12)
def f[T](x):
    return x
def process(data, state):
    return {"r": 1}
